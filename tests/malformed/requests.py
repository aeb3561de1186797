# SPDX-License-Identifier: Apache-2.0
"""Requests as bytes: those that must be refused, each with the statuses that are right, and those that must not."""
from malformed.client import HOST

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: agent.example.test\r\n\r\n"
H = f"Host: {HOST}\r\n".encode()


def line(first):
    return first + b"\r\n" + H + b"\r\n"


def field(*lines):
    return b"GET /case HTTP/1.1\r\n" + H + b"".join(x + b"\r\n" for x in lines) + b"\r\n"


def post(*lines, body=b""):
    return b"POST /case HTTP/1.1\r\n" + H + b"".join(x + b"\r\n" for x in lines) + b"\r\n" + body


def chunked(body):
    return post(b"Transfer-Encoding: chunked", body=body)


def host(value):
    return b"GET /case HTTP/1.1\r\nHost: " + value + b"\r\n\r\n"


# Name, bytes, the statuses that are right. The bytes never reach the agent as a whole request; the node closes.
REFUSED = [
    # the request line, RFC 9112 3
    ("HTTP/0.9", b"GET /case\r\n\r\n", {400, 505}),
    ("HTTP/0.9 with a version", line(b"GET /case HTTP/0.9"), {505}),
    ("HTTP/1.2", line(b"GET /case HTTP/1.2"), {505}),
    ("HTTP/2.0", line(b"GET /case HTTP/2.0"), {505}),
    ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {505}),
    ("HTTP/11", line(b"GET /case HTTP/11"), {400, 505}),
    ("HTTP/1.10", line(b"GET /case HTTP/1.10"), {400, 505}),
    ("http in lower case", line(b"GET /case http/1.1"), {400}),
    ("no version but a blank", line(b"GET /case "), {400, 505}),
    ("two blanks", line(b"GET  /case HTTP/1.1"), {400}),
    ("two blanks behind the target", line(b"GET /case  HTTP/1.1"), {400}),
    ("a tab", line(b"GET\t/case HTTP/1.1"), {400, 501}),
    ("a blank at the end", line(b"GET /case HTTP/1.1 "), {400, 505}),
    ("a blank at the start", line(b" GET /case HTTP/1.1"), {400, 501}),
    ("a method in lower case", line(b"get /case HTTP/1.1"), {400, 501}),
    ("an unknown method", line(b"SMUGGLE /case HTTP/1.1"), {501}),
    ("a method that is no token", line(b"GE(T /case HTTP/1.1"), {400, 501}),
    ("no target", line(b"GET HTTP/1.1"), {400, 501}),
    ("a blank in the target", line(b"GET /case x HTTP/1.1"), {400}),
    ("NUL in the target", line(b"GET /case\0 HTTP/1.1"), {400}),
    ("a bare CR in the target", line(b"GET /case\rx HTTP/1.1"), {400}),
    ("a control in the target", line(b"GET /case\x01 HTTP/1.1"), {400}),
    ("DEL in the target", line(b"GET /case\x7f HTTP/1.1"), {400}),
    ("a fragment", line(b"GET /case#x HTTP/1.1"), {400}),
    ("CONNECT", line(b"CONNECT agent.example.test:443 HTTP/1.1"), {400, 405, 501}),
    ("an asterisk for GET", line(b"GET * HTTP/1.1"), {400}),
    ("a target without a slash", line(b"GET case HTTP/1.1"), {400}),
    ("another scheme", line(b"GET ftp://agent.example.test/case HTTP/1.1"), {400}),
    ("no authority", line(b"GET http:///case HTTP/1.1"), {400}),
    ("user information", line(b"GET http://me@agent.example.test/case HTTP/1.1"), {400}),
    ("another authority than ours", line(b"GET http://other.test/case HTTP/1.1"), {421}),
    ("a blank line of blanks first", b" \r\n" + line(b"GET /case HTTP/1.1"), {400, 501}),
    ("a bare CR first", b"\r" + line(b"GET /case HTTP/1.1"), {400, 501}),
    ("a bare LF first", b"\n" + line(b"GET /case HTTP/1.1"), {400}),
    ("a target of 9,000 bytes", line(b"GET /case" + b"x" * 9000 + b" HTTP/1.1"), {414}),
    ("a target of 1 MB", line(b"GET /case" + b"x" * 1_000_000 + b" HTTP/1.1"), {414}),
    # fields, RFC 9112 5
    ("bare LF ends all lines", b"GET /case HTTP/1.1\nHost: agent.example.test\n\n", {400}),
    ("a bare LF between fields", field(b"X: a\nY: b"), {400}),
    ("a bare CR in a value", field(b"X: a\rY: b"), {400}),
    ("CR CR LF", field(b"X: a\r"), {400}),
    ("the empty line is a bare LF", b"GET /case HTTP/1.1\r\n" + H + b"\n", {400}),
    ("a blank before the colon", field(b"X : a"), {400}),
    ("a tab before the colon", field(b"X\t: a"), {400}),
    ("a blank before the colon of Host", b"GET /case HTTP/1.1\r\nHost : agent.example.test\r\n\r\n", {400}),
    ("a folded line", field(b"X: a", b" b"), {400}),
    ("a folded line with a tab", field(b"X: a", b"\tb"), {400}),
    ("the first field folded", b"GET /case HTTP/1.1\r\n X: a\r\n" + H + b"\r\n", {400}),
    ("no colon", field(b"X"), {400}),
    ("no name", field(b": a"), {400}),
    ("a name that is no token", field(b"X(y: a"), {400}),
    ("NUL in a name", field(b"X\0: a"), {400}),
    ("NUL in a value", field(b"X: a\0b"), {400}),
    ("a control in a value", field(b"X: a\x01b"), {400}),
    ("DEL in a value", field(b"X: a\x7fb"), {400}),
    ("a value of 1 MB", field(b"X: " + b"a" * 1_000_000), {431}),
    ("100,000 fields", field(*[b"X: a"] * 100_000), {431}),
    ("200 fields", field(*[b"X: a"] * 200), {431}),
    ("a field name of 1 MB", field(b"X" * 1_000_000 + b": a"), {431}),
    # Host, RFC 9112 3.2
    ("no Host", b"GET /case HTTP/1.1\r\n\r\n", {400}),
    ("two Hosts", field(b"Host: agent.example.test"), {400}),
    ("two Hosts, one empty", field(b"Host:"), {400}),
    ("a list of Hosts", host(b"agent.example.test, other.test"), {400}),
    ("a blank in Host", host(b"agent.example.test other.test"), {400}),
    ("a path in Host", host(b"agent.example.test/x"), {400}),
    ("user information in Host", host(b"me@agent.example.test"), {400}),
    ("a control in Host", host(b"agent.example.test\x01"), {400}),
    ("another Host", host(b"other.test"), {421}),
    ("a Host that ends in ours", host(b"xagent.example.test"), {421}),
    ("a Host that begins with ours", host(b"agent.example.test.other.test"), {421}),
    # framing, RFC 9112 6.1 to 6.3
    ("CL and TE", post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED), {400}),
    ("TE and CL", post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n" + SMUGGLED), {400}),
    ("two lengths", post(b"Content-Length: 0", b"Content-Length: 54", body=SMUGGLED), {400}),
    ("the same length twice", post(b"Content-Length: 1", b"Content-Length: 1", body=b"x"), {400}),
    ("a list of lengths", post(b"Content-Length: 1, 1", body=b"x"), {400}),
    *[(f"length {value!r}", post(b"Content-Length: " + value, body=b"x" + SMUGGLED), {400})
      for value in (b"-1", b"+1", b"0x1", b"1 1", b"1;", b"", b"one", b"1.0", b"1e0", b"\x0b1", b"1\x0b",
                    b"18446744073709551616", b"18446744073709551617", b"9" * 40)],
    ("the largest length", post(b"Content-Length: 18446744073709551615", body=b"x"), {400, 413}),
    ("a length past the limit", post(b"Content-Length: 1048577", body=b"x"), {413}),
    *[(f"coding {value!r}", post(b"Transfer-Encoding:" + value, body=b"0\r\n\r\n" + SMUGGLED), {400, 501})
      for value in (b" xchunked", b" chunked, identity", b" identity", b" gzip, chunked", b" chunked, chunked", b" chunked;x",
                    b" \x0bchunked", b" chunked\x00", b" \"chunked\"", b"", b" chunked,", b" ,chunked")],
    ("two codings", post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n" + SMUGGLED), {400}),
    ("a coding behind a blank and colon", post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n" + SMUGGLED), {400}),
    ("a folded coding", post(b"Transfer-Encoding:", b" chunked", body=b"0\r\n\r\n" + SMUGGLED), {400}),
    ("a coding in HTTP/1.0", b"POST /case HTTP/1.0\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
    ("an unknown expectation", post(b"Expect: wonders", b"Content-Length: 1", body=b"x"), {417}),
    # chunks, RFC 9112 7.1; the head was fine, so the agent may have got the beginning, and never the end
    *[(f"chunk size {size[:20]!r}", chunked(size + b"\r\nx\r\n0\r\n\r\n" + SMUGGLED), {400})
      for size in (b"g", b"-1", b"+1", b"0x1", b" 1", b"", b"1\n", b"1\r", b"1\x0b", b"1\0", b"FFFFFFFFFFFFFFFFF", b"8" * 40,
                   b"1;\x00", b"1;a\nb", b"1;" + b"x" * 100_000, b"0" * 100_000 + b"1")],
    ("a chunk longer than its size", chunked(b"1\r\nxyz\r\n0\r\n\r\n" + SMUGGLED), {400}),
    ("a chunk that ends in a bare LF", chunked(b"1\r\nx\n0\r\n\r\n" + SMUGGLED), {400}),
    ("a size that ends in a bare LF", chunked(b"1\nx\r\n0\r\n\r\n" + SMUGGLED), {400}),
    ("an extension with a bare LF", chunked(b"1;\nx\r\n0\r\n\r\n" + SMUGGLED), {400}),
    ("a last chunk without CR", chunked(b"0\n\n" + SMUGGLED), {400}),
    ("a trailer with NUL", chunked(b"0\r\nX: \0\r\n\r\n" + SMUGGLED), {400}),
    ("a trailer with a bare LF", chunked(b"0\r\nX: a\nY: b\r\n\r\n" + SMUGGLED), {400}),
    ("trailers of 1 MB", chunked(b"0\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n" + SMUGGLED), {400, 431}),
    ("100,000 trailers", chunked(b"0\r\n" + b"X: a\r\n" * 100_000 + b"\r\n" + SMUGGLED), {400, 431}),
    ("100,000 chunks with extensions", chunked(b"1;" + b"x" * 250 + b"\r\nx\r\n" + (b"1;" + b"x" * 40 + b"\r\nx\r\n") * 100_000
                                               + b"zz\r\n" + SMUGGLED), {400, 413}),
    ("a body past the limit in chunks", chunked(b"10000\r\n" + b"x" * 65536 + b"\r\n") + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 20,
     {413}),
    # no HTTP at all; what never ends a line may be waited for
    ("NULs", b"\0" * 100, {400, 408, 501}),
    ("text", b"hello\r\n\r\n", {400, 501}),
    ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n", {400, 408, 501}),
    ("a PROXY line", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + line(b"GET /case HTTP/1.1"), {400, 501}),
    ("an answer", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", {400, 501}),
    ("a line without end", b"GET " + b"/" * 200_000, {414}),
]

# Well-formed if unusual: answered once and forwarded once, and so is the request behind it.
ACCEPTED = [
    ("empty lines first", b"\r\n\r\n" + line(b"GET /case HTTP/1.1")),
    ("an absolute target whose authority is ours", b"GET http://agent.example.test/case HTTP/1.1\r\nHost: other.test\r\n\r\n"),
    ("two slashes", line(b"GET //case HTTP/1.1")),
    ("Host in capitals, with a port and a dot", host(b"AGENT.Example.Test.:8080")),
    ("an empty Host", host(b"")),
    ("no blank behind the colon", field(b"X:a")),
    ("blanks around a value", field(b"X: \t a \t ")),
    ("an empty value", field(b"X:")),
    ("obs-text", field(b"X: \xe4\xff")),
    ("a GET with a body", field(b"Content-Length: 54")[:-2] + b"\r\n" + SMUGGLED[:54].ljust(54)),
    ("a chunked GET", b"GET /case HTTP/1.1\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
    ("a length with zeros before", post(b"Content-Length: 0003", body=b"abc")),
    ("a coding in capitals", post(b"TRANSFER-ENCODING: ChUnKeD", body=b"1\r\nx\r\n0\r\n\r\n")),
    ("an extension and trailers", chunked(b"3;a=\"b\"\r\nabc\r\n0;x\r\nContent-Length: 5\r\nX: y\r\n\r\n")),
    ("a size with zeros before", chunked(b"0003\r\nabc\r\n0000\r\n\r\n")),
    ("Connection names what frames us", post(b"Connection: Content-Length, Transfer-Encoding, Host", b"Content-Length: 3", body=b"abc")),
    ("a word for nodes from a stranger", field(b"Sealane-Hop: us-east-1", b"X-Forwarded-For: 192.0.2.7")),
    ("an upgrade to HTTP/2", field(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")),
    ("an upgrade of a POST", post(b"Connection: Upgrade", b"Upgrade: websocket", b"Content-Length: 3", body=b"abc")),
    ("underscores in a name", post(b"Transfer_Encoding: chunked", b"Content-Length: 3", body=b"abc")),
    ("128 chunks of one byte", chunked(b"1\r\nx\r\n" * 128 + b"0\r\n\r\n")),
]
