// The client against a TLS server whose certificate is made here: for the name `localhost` only.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <string>
#include <thread>

#include "http/client.h"

namespace sluice::http {
namespace {

template <typename T, void (*Free)(T*)>
struct Freed {
  void operator()(T* thing) const { Free(thing); }
};
template <typename T, void (*Free)(T*)>
using Owned = std::unique_ptr<T, Freed<T, Free>>;
using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using Certificate = Owned<X509, X509_free>;

Certificate make_certificate(EVP_PKEY* key) {
  Certificate certificate(X509_new());
  X509* x = certificate.get();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -60);
  X509_gmtime_adj(X509_getm_notAfter(x), 3600);
  X509_NAME* name = X509_get_subject_name(x);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(x, name);
  X509_set_pubkey(x, key);
  X509V3_CTX context;
  X509V3_set_ctx(&context, x, x, nullptr, nullptr, 0);
  for (const auto& [nid, value] :
       {std::pair{NID_subject_alt_name, "DNS:localhost"}, {NID_basic_constraints, "critical,CA:TRUE"}}) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(x, key, EVP_sha256());
  return certificate;
}

// Answers each connection's one request.
class TlsOrigin {
 public:
  TlsOrigin()
      : key_(EVP_EC_gen("P-256")), certificate_(make_certificate(key_.get())), context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_use_certificate(context_.get(), certificate_.get());
    SSL_CTX_use_PrivateKey(context_.get(), key_.get());
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof address;
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), bytes), 0);
    EXPECT_EQ(::listen(listener_, 4), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &bytes);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this] { serve(); });
  }
  ~TlsOrigin() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  // The authority to trust, as a file.
  std::string write_certificate() const {
    std::string path = ::testing::TempDir() + "tls-origin-" + std::to_string(port_) + ".pem";
    std::FILE* file = std::fopen(path.c_str(), "w");
    PEM_write_X509(file, certificate_.get());
    std::fclose(file);
    return path;
  }
  std::uint16_t port() const { return port_; }

 private:
  void serve() {
    while (true) {
      const int socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0) return;
      const Owned<SSL, SSL_free> ssl(SSL_new(context_.get()));
      SSL_set_fd(ssl.get(), socket);
      char bytes[4096];
      if (SSL_accept(ssl.get()) == 1 && SSL_read(ssl.get(), bytes, sizeof bytes) > 0) {
        const char* sent_name = SSL_get_servername(ssl.get(), TLSEXT_NAMETYPE_host_name);
        const std::string name = sent_name == nullptr ? "" : sent_name;
        const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(name.size()) + "\r\n\r\n" + name;
        SSL_write(ssl.get(), text.data(), static_cast<int>(text.size()));
        SSL_shutdown(ssl.get());
      }
      ::close(socket);
    }
  }

  Key key_;
  Certificate certificate_;
  Owned<SSL_CTX, SSL_CTX_free> context_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

class HttpClientTls : public ::testing::Test {
 protected:
  ~HttpClientTls() override { ::unsetenv("SSL_CERT_FILE"); }

  static Task<std::expected<std::string, ClientError>> ask(Client& client) {
    ClientRequest request;
    request.target = "/";
    auto answer = co_await client.send(std::move(request));
    if (!answer) co_return std::unexpected(answer.error());
    std::string body;
    while (true) {
      const auto piece = co_await answer->body->next();
      if (!piece || piece->empty()) co_return body;
      body += piece->bytes();
    }
  }

  std::expected<std::string, ClientError> get(const std::string& host) {
    ClientOptions options;
    options.origin = *Url::parse("https://" + host + ":" + std::to_string(origin_.port()));
    Client client(options);
    boost::asio::io_context context(1);
    std::expected<std::string, ClientError> seen = std::unexpected(ClientError::kCancelled);
    boost::asio::co_spawn(context, ask(client), [&](std::exception_ptr, auto result) { seen = std::move(result); });
    context.run();
    return seen;
  }

  TlsOrigin origin_;
};

TEST_F(HttpClientTls, AsksByNameAndChecksTheCertificate) {
  ::setenv("SSL_CERT_FILE", origin_.write_certificate().c_str(), 1);
  EXPECT_EQ(get("localhost"), "localhost");  // the name it sent
}

TEST_F(HttpClientTls, RefusesACertificateForAnotherHost) {
  ::setenv("SSL_CERT_FILE", origin_.write_certificate().c_str(), 1);
  EXPECT_EQ(get("127.0.0.1"), std::unexpected(ClientError::kTls));
}

TEST_F(HttpClientTls, RefusesAnUnknownAuthority) {
  EXPECT_EQ(get("localhost"), std::unexpected(ClientError::kTls));
}

}  // namespace
}  // namespace sluice::http
