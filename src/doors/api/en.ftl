# API
api-title = API reference
api-lead = Call with a browser session or a bearer token. Errors are application/problem+json.
api-body = Request body
api-responses = Responses
