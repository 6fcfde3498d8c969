package failure

import "time"

const (
	second = time.Second
	minute = time.Minute

	probeMin, probeMax = 4 * minute, 6 * minute // a probe every 5 minutes
)

// Texts that several rows share.
const (
	slowDown = "AWS limits the rate of calls; sending slows down by itself. If it lasts, fewer devices " +
		"must share the stream or credentials, or the limit must be raised."
	awsFault = "A fault inside AWS; it is sent again by itself. Nothing to do on site."
	keyState = "The stream's KMS key cannot be used. Its owner must enable the key, or cancel its " +
		"deletion, or set another key on the stream; sending goes on by itself after that."
	badKeys = "AWS does not know these credentials, and fresh ones were refused too. Check that the device's " +
		"certificate is active and attached to its thing, and that the role alias and role exist."
	badClock = "The signature was refused: the device's clock is wrong, or its secret key is. Check the clock " +
		"and time server; if the clock is right, issue new credentials."
	badRecord = "Kinesis refused a record; the others go on. The record's id and reason are in the report: " +
		"correct what makes such records."
	noLink = "There is no way to the endpoint. Check SIM, antenna, cable, gateway and firewall (TCP 443 out), " +
		"and the endpoint's address; records are kept meanwhile."
	tooLarge = "A request was too large for Kinesis or for a proxy on the way; it is sent in smaller parts. If a single " +
		"record is reported, it is over the stream's record limit."
	maybeTwice = "The answer was lost, so the records are sent again and may arrive twice; consumers drop the " +
		"second by its id. If it is frequent, the link is too slow for the timeout, or unstable."
	proxySetting = "Check the proxy's address in the device's settings (HTTPS_PROXY, or the client's Proxy), and that it lets " +
		"CONNECT to the endpoint, port 443, through."
	portal = "Something between the device and AWS answered in its place: a captive portal, or a proxy that inspects " +
		"TLS. Log in to the network, exempt the endpoint, or install the proxy's root certificate."
)

// table holds every row. The modelled codes of PutRecords, ListShards and
// DescribeStreamSummary are from
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html#API_PutRecords_Errors
// and its two sisters; the others are the errors common to all AWS services,
// https://docs.aws.amazon.com/kinesis/latest/APIReference/CommonErrors.html,
// and what endpoints answer to a signature they refuse.
var table = [...]Rule{
	// Rates.
	{Code: "ProvisionedThroughputExceededException", Class: Throttle, Min: second / 4, Max: minute,
		Advice: "A shard takes 1 MB/s and 1,000 records/s, and more was sent. Add shards or use on-demand mode; if it is " +
			"always the same shard, spread the partition keys."},
	{Code: "LimitExceededException", Class: Throttle, Min: second, Max: minute, Advice: slowDown},
	{Code: "ThrottlingException", Class: Throttle, Min: second, Max: minute, Advice: slowDown},
	{Code: "ThrottledException", Class: Throttle, Min: second, Max: minute, Advice: slowDown},
	{Code: "RequestThrottledException", Class: Throttle, Min: second, Max: minute, Advice: slowDown},
	{Code: "RequestLimitExceeded", Class: Throttle, Min: second, Max: minute, Advice: slowDown},
	{Code: "TooManyRequestsException", Class: Throttle, Min: second, Max: minute, Advice: slowDown},
	{Code: "SlowDown", Class: Throttle, Min: second, Max: minute, Advice: slowDown},
	{Code: CodeHTTP429, Class: Throttle, Min: second, Max: minute, Advice: slowDown},
	{Code: "KMSThrottlingException", Class: Throttle, Min: second, Max: minute,
		Advice: "The account's rate of KMS requests is used up, maybe by another application. Ask for a higher KMS quota."},

	// Passing faults of the service.
	{Code: "InternalFailure", Class: Retry, Min: second / 4, Max: minute, Advice: awsFault},
	{Code: "InternalServerError", Class: Retry, Min: second / 4, Max: minute, Advice: awsFault},
	{Code: "ServiceUnavailable", Class: Retry, Min: second, Max: minute, Advice: awsFault},
	{Code: "RequestTimeoutException", Class: Retry, Min: second, Max: minute,
		Advice: "AWS gave up waiting for the request. The link is too slow for the size of a request: send smaller ones."},
	{Code: "ResourceInUseException", Class: Retry, Min: 20 * second, Max: 40 * second,
		Advice: "The stream is being created, changed or deleted. Wait; if it stays so, ask who works on it."},
	{Code: "ExpiredNextTokenException", Class: Retry, Min: second / 4, Max: minute,
		Advice: "Listing the shards took too long and starts again. If it is frequent, the link is too slow."},

	// What a person must put right.
	{Code: "KMSDisabledException", Class: Pause, Min: probeMin, Max: probeMax, Advice: keyState},
	{Code: "KMSInvalidStateException", Class: Pause, Min: probeMin, Max: probeMax, Advice: keyState},
	{Code: "KMSNotFoundException", Class: Pause, Min: probeMin, Max: probeMax, Advice: keyState},
	{Code: "KMSAccessDeniedException", Class: Pause, Min: probeMin, Max: probeMax,
		Advice: "The device's role may not use the stream's KMS key. Allow kms:GenerateDataKey for that role in its policy and in the key's policy."},
	{Code: "KMSOptInRequired", Class: Pause, Min: probeMin, Max: probeMax,
		Advice: "The AWS account is not signed up for KMS. Whoever owns the account must complete the sign-up."},
	{Code: "OptInRequired", Class: Pause, Min: probeMin, Max: probeMax,
		Advice: "The AWS account is not signed up for Kinesis in this region. Whoever owns the account must complete the sign-up."},
	{Code: "ResourceNotFoundException", Class: Pause, Min: probeMin, Max: probeMax,
		Advice: "There is no such stream in this account and region. Check the stream's name and the region, or create the stream."},
	{Code: "UnknownOperationException", Class: Pause, Min: probeMin, Max: probeMax,
		Advice: "The endpoint is not Kinesis Data Streams, or does not know this call. Check the endpoint's address."},
	{Code: "IncompleteSignature", Class: Pause, Min: probeMin, Max: probeMax,
		Advice: "The Authorization header arrived damaged. Look for a proxy that rewrites headers between the device and AWS."},

	// Credentials and clock.
	{Code: "AccessDeniedException", Class: Refresh, Min: probeMin, Max: probeMax,
		Advice: "The device's role may not do this. The error's message names the action and the resource: allow it in the role's policy."},
	{Code: "NotAuthorized", Class: Refresh, Min: probeMin, Max: probeMax,
		Advice: "The device's role may not do this. Allow the action named in the error on the stream, in the role's policy."},
	{Code: "ExpiredTokenException", Class: Refresh, Min: minute, Max: 15 * minute,
		Advice: "The credentials have run out and no new ones were had. Check that the device reaches its credential provider and that its certificate is active."},
	{Code: "UnrecognizedClientException", Class: Refresh, Min: probeMin, Max: probeMax, Advice: badKeys},
	{Code: "InvalidClientTokenId", Class: Refresh, Min: probeMin, Max: probeMax, Advice: badKeys},
	{Code: "MissingAuthenticationTokenException", Class: Refresh, Min: probeMin, Max: probeMax,
		Advice: "The request arrived without credentials. Check that the device has some, and look for a proxy that removes headers."},
	{Code: "InvalidSignatureException", Class: Clock, Min: probeMin, Max: probeMax, Advice: badClock},
	{Code: "SignatureDoesNotMatch", Class: Clock, Min: probeMin, Max: probeMax, Advice: badClock},
	{Code: "AuthFailure", Class: Clock, Min: probeMin, Max: probeMax, Advice: badClock},
	{Code: "RequestTimeTooSkewed", Class: Clock, Min: probeMin, Max: probeMax,
		Advice: "The device's clock is wrong and could not be corrected from AWS. Check its time server and the battery of its clock."},
	{Code: "RequestExpired", Class: Clock, Min: second, Max: minute,
		Advice: "The request reached AWS too long after it was signed. The link is very slow, or the device's clock is wrong."},
	{Code: CodeTLSNotValidNow, Class: Clock, Min: probeMin, Max: probeMax,
		Advice: "By the device's clock the server's certificate is not valid. Check the clock and the time server. If they are right: " + portal},
	{Code: CodeTLSUntrusted, Class: Clock, Min: probeMin, Max: probeMax, Advice: portal},

	// The request itself.
	{Code: "InvalidArgumentException", Class: Bisect, Advice: badRecord},
	{Code: "ValidationException", Class: Bisect, Advice: badRecord},
	{Code: "SerializationException", Class: Bisect, Advice: badRecord},
	{Code: CodeHTTP413, Class: TooLarge, Advice: tooLarge},
	{Code: "RequestEntityTooLargeException", Class: TooLarge, Advice: tooLarge},
	{Code: "RequestTooLargeException", Class: TooLarge, Advice: tooLarge},

	// Nobody knows whether it was stored.
	{Code: CodeEmptyResponse, Class: Unknown, Min: second, Max: minute, Advice: maybeTwice},
	{Code: CodeHugeResponse, Class: Unknown, Min: second, Max: minute,
		Advice: "The answer is larger, or deeper, than any of Kinesis, and was not read. Check the endpoint's address, and look for a proxy in between."},
	{Code: CodeWrongCount, Class: Unknown, Min: second, Max: minute, Advice: maybeTwice},
	{Code: CodeTimeout, Class: Unknown, Min: second, Max: minute, Advice: maybeTwice},
	{Code: CodeReset, Class: Unknown, Min: second, Max: minute, Advice: maybeTwice},
	{Code: CodeHTTP5xx, Class: Unknown, Min: second, Max: minute, Advice: maybeTwice},
	{Code: CodeProxy5xx, Class: Unknown, Min: second, Max: minute,
		Advice: "A proxy or gateway between the device and AWS answered with an error page of its own. If it lasts: " + portal},

	// No link.
	{Code: CodeTooSlow, Class: Retry, Min: second, Max: minute,
		Advice: "The time for a call was over before all of it was sent. The link is too slow for the size of a request: smaller ones are sent, or give calls more time."},
	{Code: CodeRefused, Class: Offline, Min: second, Max: minute, Advice: noLink},
	{Code: CodeNotSent, Class: Offline, Min: second, Max: minute, Advice: noLink},
	{Code: CodeDNS, Class: Offline, Min: 5 * second, Max: minute,
		Advice: "The endpoint's name cannot be resolved. Check the device's DNS server and the link, and the spelling of region and endpoint."},
	{Code: CodeTLSFailed, Class: Offline, Min: second, Max: minute,
		Advice: "There is a way to the endpoint, but no TLS connection comes about. If it lasts: " + portal},
	{Code: CodeProxyUnreachable, Class: Offline, Min: second, Max: minute, Advice: "The proxy cannot be reached. " + proxySetting},
	{Code: CodeProxyFailed, Class: Offline, Min: second, Max: minute,
		Advice: "The proxy answers, but does not get through to the endpoint. Check the proxy's own link, and the endpoint's address."},
	{Code: CodeProxyDenied, Class: Pause, Min: probeMin, Max: probeMax, Advice: "The proxy refuses the connection. " + proxySetting},
	{Code: CodeProxyLogin, Class: Pause, Min: probeMin, Max: probeMax,
		Advice: "The proxy wants a login. Put user and password into the proxy's URL, or exempt the device."},
	{Code: CodePortal, Class: Pause, Min: minute, Max: 3 * minute, Advice: portal},
	{Code: CodeRedirected, Class: Pause, Min: minute, Max: 3 * minute,
		Advice: "The answer points elsewhere, which is not followed, as it would take the credentials along: a captive portal, or not the endpoint of Kinesis. " +
			"Log in to the network, or check the endpoint's address."},
	{Code: CodeNotKinesis, Class: Pause, Min: probeMin, Max: probeMax,
		Advice: "What answers at the endpoint is another service than Kinesis Data Streams. Check the endpoint's address."},
	{Code: CodeWrongRegion, Class: Pause, Min: probeMin, Max: probeMax,
		Advice: "Region and endpoint do not match: the endpoint is of another region than the one that calls are signed for. Set the region of the endpoint."},
	{Code: CodeTokenInClear, Class: Pause, Min: probeMin, Max: probeMax,
		Advice: "The call would have shown the session token to everybody on the way, so it was not made. Use an https:// endpoint whose certificate is checked, or credentials without a session token."},
	{Code: CodeNoCredentials, Class: Pause, Min: minute, Max: 3 * minute,
		Advice: "The device has no credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or configure its credential provider."},
	{Code: CodeCredentialsUnavailable, Class: Offline, Min: second, Max: minute,
		Advice: "No credentials are had: their provider does not answer in time, or fails. Check the way to it (IoT credential endpoint, metadata service); it is asked again by itself."},
	{Code: CodeCredentialsRefused, Class: Pause, Min: probeMin, Max: probeMax,
		Advice: "The credential provider refuses the device. Check that its certificate is active and attached to its thing, that the policy allows the role alias, and that alias and role exist."},

	// What nobody has met yet.
	{Code: CodeHTTP4xx, Class: Retry, Min: second, Max: minute, Patience: time.Hour, Advice: portal},
	{Code: CodeUnlisted, Class: Retry, Min: second, Max: minute, Patience: time.Hour,
		Advice: "AWS answered with a code that this version does not know. It is tried for an hour, then once every 5 minutes; report the code."},
}
