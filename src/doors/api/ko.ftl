# API
api-title = API 문서
api-lead = 브라우저 세션 또는 Bearer 토큰으로 호출하세요. 오류는 application/problem+json 형식입니다.
api-body = 요청 본문
api-responses = 응답
