// The rows of the security table that a server answers for, each over raw sockets. Every refusal is answered and closes the
// connection, so nothing behind the refused bytes is ever read as a request.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "http/chunked.h"
#include "http/testing.h"

namespace sluice::http {
namespace {

using testing::exchange;
using testing::RawClient;
using testing::status_of;
using testing::TestServer;

// What a smuggler hides behind the first request.
constexpr std::string_view kHidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";

class ServerSecurity : public ::testing::Test {
 protected:
  // Refused with that status, closed, and nothing was handled.
  void expect_refused(const std::string& bytes, int status = 400) {
    SCOPED_TRACE(::testing::PrintToString(bytes.substr(0, 200)));
    const std::uint64_t handled = server_.server().stats().requests;
    const std::string response = exchange(server_.port(), bytes);
    EXPECT_EQ(status_of(response), status) << response;
    EXPECT_NE(response.find("\r\nConnection: close\r\n"), std::string::npos);
    EXPECT_NE(response.find("\r\nContent-Type: application/json\r\n"), std::string::npos);
    EXPECT_NE(response.find("\r\nCache-Control: no-store\r\n"), std::string::npos);
    EXPECT_NE(response.find("{\"error\":\""), std::string::npos);
    EXPECT_EQ(response.find("HTTP/1.1 ", 1), std::string::npos) << "more than one answer";
    EXPECT_EQ(server_.server().stats().requests, handled);
  }

  std::string accepted(const std::string& bytes) {
    RawClient client(server_.port());
    client.send(bytes);
    const std::string response = client.read_response();
    EXPECT_EQ(status_of(response), 200) << bytes << response;
    return response;
  }

  void expect_body_refused(const std::string& fields, const std::string& body) {
    expect_refused("POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body + std::string(kHidden));
  }

  void expect_chunks_refused(const std::string& body) { expect_body_refused("Transfer-Encoding: chunked\r\n", body); }

  void expect_target_refused(const std::string& target) {
    expect_refused("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n" + std::string(kHidden));
  }

  TestServer server_;
};

TEST_F(ServerSecurity, H50_RejectsContentLengthWithTransferEncoding) {
  expect_body_refused("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n");
  expect_body_refused("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n");
  expect_body_refused("Content-Length: 5\r\nTransfer-Encoding: identity\r\n", "hello");
  expect_body_refused("Content-Length: 5\r\ntransfer-encoding:\tchunked\r\n", "0\r\n\r\n");
}

TEST_F(ServerSecurity, H50_RejectsTransferEncodingsOtherThanChunked) {
  for (const char* value : {"xchunked", "identity", "gzip, chunked", "chunked, chunked", "chunked, identity", "\"chunked\"",
                            "chunked;q=1", ",chunked", "chunked,", "chun ked", "chunked\x0b", "", "chunked\x80"}) {
    expect_body_refused("Transfer-Encoding: " + std::string(value) + "\r\n", "0\r\n\r\n");
  }
}

TEST_F(ServerSecurity, H50_RejectsRepeatedTransferEncoding) {
  expect_body_refused("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n");
  expect_body_refused("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n");
  expect_body_refused("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", "0\r\n\r\n");
}

TEST_F(ServerSecurity, H50_RejectsTransferEncodingOfHttp10) {
  expect_refused("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + std::string(kHidden));
}

TEST_F(ServerSecurity, H50_RejectsContentLengthsThatAreNotPlain) {
  for (const char* value :
       {"5, 5", "5,6", "+5", "-5", "0x5", "5h", "5 5", "", "05", "00", "5.0", "5\x0b", "\"5\"", "18446744073709551616",
        "18446744073709551621", "9223372036854775808", "99999999999999999999999", "\xef\xbc\x95"}) {
    expect_body_refused("Content-Length: " + std::string(value) + "\r\n", "hello");
  }
}

TEST_F(ServerSecurity, H50_RejectsRepeatedContentLength) {
  expect_body_refused("Content-Length: 5\r\nContent-Length: 5\r\n", "hello");
  expect_body_refused("Content-Length: 5\r\ncontent-length: 6\r\n", "hello!");
}

TEST_F(ServerSecurity, H50_RejectsObsoleteLineFolding) {
  expect_body_refused("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n");
  expect_body_refused("Transfer-Encoding: identity,\r\n\tchunked\r\n", "0\r\n\r\n");
  expect_body_refused("X: a\r\n b\r\nContent-Length: 5\r\n", "hello");
  expect_refused("GET / HTTP/1.1\r\n Host: a\r\n\r\n");
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n");
}

TEST_F(ServerSecurity, H50_RejectsBareLineFeedsAndCarriageReturns) {
  expect_refused("GET / HTTP/1.1\nHost: a\n\n");
  expect_refused("GET / HTTP/1.1\r\nHost: a\n\r\n");
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\nX: b\nContent-Length: 5\r\n\r\n");
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\n\n");
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\nX: b\rContent-Length: 5\r\n\r\n");
  expect_refused("GET / HTTP/1.1\rHost: a\r\n\r\n");
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\r\n\r\n");
  expect_refused("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST_F(ServerSecurity, H50_RejectsMalformedChunks) {
  expect_chunks_refused("5;x\nhello\r\n0\r\n\r\n");  // LF in an extension
  expect_chunks_refused("5;x=\"\n\"\r\nhello\r\n0\r\n\r\n");
  expect_chunks_refused("5;x\rhello\r\n0\r\n\r\n");
  expect_chunks_refused("5\nhello\r\n0\r\n\r\n");
  expect_chunks_refused("-5\r\nhello\r\n0\r\n\r\n");
  expect_chunks_refused("+5\r\nhello\r\n0\r\n\r\n");
  expect_chunks_refused("0x5\r\nhello\r\n0\r\n\r\n");
  expect_chunks_refused(" 5\r\nhello\r\n0\r\n\r\n");
  expect_chunks_refused("5 \r\nhello\r\n0\r\n\r\n");
  expect_chunks_refused("5 ;x\r\nhello\r\n0\r\n\r\n");
  expect_chunks_refused("\r\nhello\r\n0\r\n\r\n");
  expect_chunks_refused(";x\r\nhello\r\n0\r\n\r\n");
  expect_chunks_refused("10000000000000005\r\nhello\r\n0\r\n\r\n");  // 2^64 + 5
  expect_chunks_refused("00000000000000005\r\nhello\r\n0\r\n\r\n");
  expect_chunks_refused("5\r\nhelloXX0\r\n\r\n");
  expect_chunks_refused("5\r\nhello\n0\r\n\r\n");
  expect_chunks_refused("5\r\nhello\r\n0\r\n\n");
  expect_chunks_refused("5\r\nhello\r\n0\r\nX : y\r\n\r\n");
  expect_chunks_refused("5\r\nhello\r\n0\r\nX: y\nZ: a\r\n\r\n");
  expect_chunks_refused(std::string("5;") + '\0' + "\r\nhello\r\n0\r\n\r\n");
}

TEST_F(ServerSecurity, H50_BoundsChunkExtensionsAndTrailers) {
  expect_chunks_refused("5;" + std::string(ChunkedDecoder::kOverheadBytesMax + 1, 'x') + "\r\nhello\r\n0\r\n\r\n");
  expect_chunks_refused("0\r\nX: " + std::string(ChunkedDecoder::kOverheadBytesMax + 1, 'x') + "\r\n\r\n");
}

TEST_F(ServerSecurity, H50_RejectsSpaceAroundFieldNames) {
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello");
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n");
  expect_refused("GET / HTTP/1.1\r\nHost : a\r\n\r\n");
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n");
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n");
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\nNoColon\r\n\r\n");
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\nX\x80: b\r\n\r\n");
}

TEST_F(ServerSecurity, H50_RejectsRequestLinesThatAreNotExact) {
  for (const char* line :
       {"GET  / HTTP/1.1", "GET / HTTP/1.1 ", "GET /  HTTP/1.1", " GET / HTTP/1.1", "GET\t/ HTTP/1.1", "GET /",
        "GET / HTTP/1.2", "GET / HTTP/2.0", "GET / HTTP/0.9", "GET / http/1.1", "GET / HTTP/1.10", "G\x80T / HTTP/1.1",
        "GET / HTTP/01.1", "GET / HTTP/1,1", "GET / HTTP /1.1", "/ HTTP/1.1", "G(T / HTTP/1.1"}) {
    expect_refused(std::string(line) + "\r\nHost: a\r\n\r\n");
  }
}

TEST_F(ServerSecurity, H50_RejectsMissingRepeatedAndMalformedHosts) {
  expect_refused("GET / HTTP/1.1\r\n\r\n");
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n");
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n");
  expect_refused("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n");
  for (const char* value : {"", "a b", "a/b", "u@a", "a:b", "a:99999", "a:1:2", "a,b", "a%2fb", "[::1", "::1", "[::1]x",
                            "[]", "a\x80", "http://a", "a?b", "a#b", ":80", "[fe80::1%25eth0]"}) {
    expect_refused("GET / HTTP/1.1\r\nHost: " + std::string(value) + "\r\n\r\n");
  }
  for (const char* value : {"a", "a:80", "a.b-c_d.example:4000", "127.0.0.1", "[::1]", "[::1]:4000", "a:"}) {
    accepted("GET / HTTP/1.1\r\nHost: " + std::string(value) + "\r\n\r\n");
  }
}

TEST_F(ServerSecurity, H52_RejectsControlBytesInFieldValues) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string request = std::string("GET / HTTP/1.1\r\nHost: a\r\nX: b") + static_cast<char>(byte) + "c\r\n\r\n";
    const bool control = (byte < 0x20 && byte != '\t') || byte == 0x7f;
    if (control) {
      expect_refused(request);
    } else {
      accepted(request);
    }
  }
}

TEST_F(ServerSecurity, H52_KeepsPercentEncodedLineBreaksOpaque) {
  const std::string response = accepted("GET /?a=%0d%0ab HTTP/1.1\r\nHost: a\r\nX: b%0d%0aEvil: 1\r\n\r\n");
  EXPECT_NE(response.find("query=a=%0d%0ab "), std::string::npos);
  EXPECT_NE(response.find("\nX: b%0d%0aEvil: 1\n"), std::string::npos);
}

TEST_F(ServerSecurity, H53_ConnectionFieldRemovesNothing) {
  const std::string response =
      accepted("GET / HTTP/1.1\r\nHost: a\r\nConnection: authorization, X-A\r\nAuthorization: Bearer t\r\nX-A: 1\r\n\r\n");
  EXPECT_NE(response.find("\nAuthorization: Bearer t\n"), std::string::npos);
  EXPECT_NE(response.find("\nX-A: 1\n"), std::string::npos);
}

TEST_F(ServerSecurity, H53_ConnectionFieldRemovesNothingFromTheAnswer) {
  TestServer server([](const Request&, Response& response) -> Task<void> {
    response.fields.add("Vary", "Authorization");
    return {};
  });
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: vary, content-length, close\r\n\r\n");
  const std::string response = client.read_to_end();
  EXPECT_NE(response.find("\r\nVary: Authorization\r\n"), std::string::npos);
  EXPECT_NE(response.find("\r\nContent-Length: 0\r\n"), std::string::npos);
}

TEST_F(ServerSecurity, H54_DropsFieldNamesWithUnderscores) {
  const std::string response = accepted(
      "POST / HTTP/1.1\r\nHost: a\r\nRemote_User: admin\r\nX_Forwarded_For: 1\r\n_: x\r\nContent_Length: 9\r\n"
      "Content-Length: 2\r\nRemote-User: b\r\n\r\nhi");
  EXPECT_EQ(response.find("Remote_User"), std::string::npos);
  EXPECT_EQ(response.find("X_Forwarded"), std::string::npos);
  EXPECT_EQ(response.find("Content_Length"), std::string::npos);
  EXPECT_EQ(response.find("\n_:"), std::string::npos);
  EXPECT_NE(response.find("Remote-User: b\n"), std::string::npos);
  EXPECT_NE(response.find("body=hi\n"), std::string::npos);
}

TEST_F(ServerSecurity, H57_RejectsTargetsThatAreNotPlainPaths) {
  for (const char* target :
       {"/a/../b",    "/..",    "/.",     "/a/.",   "/./a",      "/a/..",       "//",    "//a",  "/a//b",      "/a//",
        "/%2e%2e/a",  "/%2E/a", "/a%2fb", "/a%5cb", "/a%20b",    "/%",          "/a%00", "/a;b", "/a;/../b",   "/a\\b",
        "/\\..\\b",   "/a#b",   "/a?b#c", "/#",     "/\xc3\xa9", "/a?\xc3\xa9", "a",     "a/b",  "http://a/b", "HTTP://a/b",
        "https://a/", "a:80",   "*",      "/a\x7f", "?a",        "/a\"b",       "/<a>",  "/a|b", "/a^b",       "/{a}",
        "/a?b\x7f",   "/%252e", "/a`b",   "/a[b]",  "/\x01",     "/a?\x01"}) {
    expect_target_refused(target);
  }
}

TEST_F(ServerSecurity, H57_GivesAcceptedPathsByteForByte) {
  for (const char* path :
       {"/", "/a", "/A", "/a/", "/a/b.c", "/a..b", "/.a", "/a.", "/...", "/a~b_c-d", "/a:b@c", "/v1/shape"}) {
    const std::string response = accepted("GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_NE(response.find("path=" + std::string(path) + " "), std::string::npos) << response;
  }
}

TEST_F(ServerSecurity, H57_AcceptsTheAsteriskForOptionsOnly) {
  EXPECT_NE(accepted("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").find("OPTIONS path=* "), std::string::npos);
  expect_refused("GET * HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_refused("OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_refused("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n");
}

TEST_F(ServerSecurity, H58_SeparatesPathAndQuery) {
  const std::string response = accepted("GET /a?/public/..;x=%2e&b=/c?d HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(response.find("path=/a query=/public/..;x=%2e&b=/c?d "), std::string::npos) << response;
  EXPECT_NE(accepted("GET /a? HTTP/1.1\r\nHost: a\r\n\r\n").find("path=/a query= "), std::string::npos);
}

}  // namespace
}  // namespace sluice::http
