#include "identity/discovery.h"

#include <gtest/gtest.h>

namespace sluice::identity {
namespace {

constexpr std::string_view kIssuer = "https://idp.example";

std::string configuration(std::string_view jwks_uri, std::string_view issuer = kIssuer) {
  return R"({"issuer":")" + std::string(issuer) + R"(","jwks_uri":")" + std::string(jwks_uri) + R"(","other":[{}]})";
}

TEST(Discovery, AsksBelowTheIssuer) {
  EXPECT_EQ(configuration_url("https://idp.example").value().target, "/.well-known/openid-configuration");
  EXPECT_EQ(configuration_url("https://idp.example/").value().target, "/.well-known/openid-configuration");
  EXPECT_EQ(configuration_url("https://idp.example/realms/a").value().target, "/realms/a/.well-known/openid-configuration");
  EXPECT_EQ(configuration_url("https://idp.example:8443").value().url.port, 8443);
}

TEST(Discovery, J28_AnIssuerIsAnHttpsUrlWithoutQueryUserOrFragment) {
  for (const char* issuer : {"", "idp", "http://idp.example", "https://idp.example?a=b", "https://idp.example/#a",
                             "https://a:b@idp.example", "https://idp.example/..", "https://idp.example//a"})
    EXPECT_FALSE(configuration_url(issuer)) << issuer;
}

TEST(Discovery, J28_KeysAreOfTheIssuersHost) {
  EXPECT_EQ(keys_url_of(configuration("https://idp.example/keys?v=2"), kIssuer).value().target, "/keys?v=2");
  EXPECT_TRUE(keys_url_of(configuration("https://IDP.example/keys"), kIssuer));
  for (const char* url : {"https://idp.example.evil/keys", "https://evil/keys", "http://idp.example/keys",
                          "http://127.0.0.1/keys", "https://169.254.169.254/latest", "https://a@idp.example/keys",
                          "https://idp.example@evil/keys", "file:///etc/passwd", "//idp.example/keys", ""})
    EXPECT_FALSE(keys_url_of(configuration(url), kIssuer)) << url;
}

TEST(Discovery, J28_TheConfigurationIsOfThisIssuerExactly) {
  for (const char* issuer : {"https://idp.example/", "https://IDP.example", "https://idp.example.evil", ""})
    EXPECT_FALSE(keys_url_of(configuration("https://idp.example/keys", issuer), kIssuer)) << issuer;
}

TEST(Discovery, RefusesWhatIsNoConfiguration) {
  for (const char* text : {"", "[]", "{}", "null", R"({"issuer":"https://idp.example"})",
                           R"({"issuer":["https://idp.example"],"jwks_uri":"https://idp.example/keys"})",
                           R"({"issuer":"https://idp.example","issuer":"x","jwks_uri":"https://idp.example/keys"})",
                           R"({"issuer":"https://idp.example","jwks_uri":7})"})
    EXPECT_FALSE(keys_url_of(text, kIssuer)) << text;
}

}  // namespace
}  // namespace sluice::identity
