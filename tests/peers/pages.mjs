// The provider's own few pages. They look unlike the portal on purpose: whoever demonstrates it sees whose page this is.
const page = (title, body) => `<!doctype html>
<html lang="ko">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>${escape(title)}</title>
<style>
  :root { color-scheme: light dark }
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 3rem auto; padding: 0 1rem }
  button { display: block; width: 100%; min-height: 3rem; margin: .5rem 0; padding: .5rem 1rem; font: inherit; text-align: start; cursor: pointer }
  small { display: block }
</style>
<main>
<h1>${escape(title)}</h1>
${body}
</main>
</html>
`;

export const login = (people) => page('데모 신원 제공자 · Demo identity provider', `
<p>누구로 로그인할까요? <span lang="en">Who is signing in?</span></p>
<form method="post">
${people.map(({ email, name, roles }) => `<button name="login" value="${escape(email)}">${escape(name)} <small>${escape(email)} · ${escape(roles.join(', '))}</small></button>`).join('\n')}
</form>`);

/** `form` is the library's hidden form with its XSRF token. */
export const logout = (form) => page('로그아웃 · Sign out', `
<p>데모 신원 제공자에서도 로그아웃할까요? <span lang="en">Sign out of the demo identity provider, too?</span></p>
${form}
<button type="submit" form="op.logoutForm" name="logout" value="yes" autofocus>로그아웃 · <span lang="en">Sign out</span></button>
<button type="submit" form="op.logoutForm">로그인 유지 · <span lang="en">Stay signed in</span></button>`);

export const signedOut = () => page('로그아웃되었습니다 · Signed out', '<p>이 창을 닫아도 됩니다. <span lang="en">You can close this page.</span></p>');

export const problem = (error, description) => page('요청을 처리할 수 없습니다 · The request was refused', `
<p><code>${escape(error)}</code> ${escape(description ?? '')}</p>`);

function escape(text) {
  return String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
