// The people of the demo company, as the identity provider knows them. `sub` is not the e-mail on purpose: an operator is
// bound to (issuer, sub), and a test that mixed the two up would pass otherwise.
export const people = [
  { sub: 'hanbit-1001', login: 'admin', name: '홍서진', roles: ['admin'] },
  { sub: 'hanbit-1002', login: 'approver', name: '이서연', roles: ['approver', 'billing'] },
  { sub: 'hanbit-1003', login: 'sre', name: '박지훈', roles: ['sre'] },
  { sub: 'hanbit-1004', login: 'cs', name: '최민아', roles: ['cs'] },
  { sub: 'hanbit-1005', login: 'security', name: '정도윤', roles: ['security'] },
  { sub: 'hanbit-1006', login: 'auditor', name: '한유진', roles: ['auditor'] },
  { sub: 'hanbit-1007', login: 'ops', name: '오태경', roles: ['ops'] },
].map(({ login, ...person }) => ({ ...person, email: `${login}@hanbit.example` }));
