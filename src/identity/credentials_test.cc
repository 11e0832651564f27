#include "identity/credentials.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::identity {
namespace {

http::Fields fields_of(std::string_view name, const std::vector<std::string>& values) {
  http::Fields fields;
  for (const std::string& value : values) fields.add(name, value);
  return fields;
}

// The token, or what is wrong.
std::string outcome(std::expected<std::string_view, CredentialError> found) {
  if (found) return std::string(*found);
  switch (found.error()) {
    case CredentialError::kMissing: return "(missing)";
    case CredentialError::kRepeated: return "(repeated)";
    case CredentialError::kMalformed: return "(malformed)";
  }
  return "?";
}

std::string bearer(const std::vector<std::string>& values) {
  return outcome(bearer_token(fields_of("authorization", values)));
}
std::string cookie(const std::vector<std::string>& values, std::string_view name = "session") {
  return outcome(cookie_token(fields_of("cookie", values), name));
}

TEST(Credentials, J44_ReadsABearerInAnyCase) {
  for (const char* value : {"Bearer a.b.c", "bearer a.b.c", "BEARER a.b.c", "bEaReR    a.b.c"})
    EXPECT_EQ(bearer({value}), "a.b.c");
  EXPECT_EQ(bearer({"Bearer a-._~+/9="}), "a-._~+/9=");
  EXPECT_EQ(bearer({}), "(missing)");
}

TEST(Credentials, J44_RefusesJunkAroundABearer) {
  for (const char* value : {"", "Bearer", "Bearera.b.c", "Bearer\ta.b.c", "Basic a.b.c", "Token Bearer a.b.c",
                            "Bearer a.b.c d", "Bearer a.b.c, Bearer d.e.f", "Bearer a.b.c;", "Bearer \"a.b.c\"", "a.b.c",
                            "Bearer =", "Bearer a=b", "Bearer a.b.c\xc3\xa9", "x Bearer a.b.c"})
    EXPECT_EQ(bearer({value}), "(malformed)") << value;
}

TEST(Credentials, J44_RefusesRepeatedAuthorization) {
  EXPECT_EQ(bearer({"Bearer a.b.c", "Bearer a.b.c"}), "(repeated)");
  EXPECT_EQ(bearer({"Bearer a.b.c", ""}), "(repeated)");
  EXPECT_EQ(bearer({"Basic x", "Bearer a.b.c"}), "(repeated)");
}

TEST(Credentials, J44_ReadsTheOneCookieOfTheName) {
  EXPECT_EQ(cookie({"session=a.b.c"}), "a.b.c");
  EXPECT_EQ(cookie({"theme=dark; session=a.b.c; x=y"}), "a.b.c");
  EXPECT_EQ(cookie({"theme=dark;session=a.b.c"}), "a.b.c");
  EXPECT_EQ(cookie({"__Host-session=a.b.c"}, "__Host-session"), "a.b.c");
  EXPECT_EQ(cookie({R"(junk; =; ;; j={"a": "b c"}; session=a.b.c;)"}), "a.b.c") << "other cookies are not our business";
}

TEST(Credentials, J44_TakesNoCookieOfAnotherName) {
  EXPECT_EQ(cookie({}), "(missing)");
  for (const char* value : {"", "session", "Session=a.b.c", "xsession=a.b.c", "sessionx=a.b.c", "x=session=a.b.c",
                            "x=\"; session\"=a.b.c", "session_=a.b.c", "__Host-session=a.b.c", "=session"})
    EXPECT_EQ(cookie({value}), "(missing)") << value;
}

TEST(Credentials, J44_RefusesARepeatedCookie) {
  EXPECT_EQ(cookie({"session=a.b.c; session=d.e.f"}), "(repeated)");
  EXPECT_EQ(cookie({"session=a.b.c; session=a.b.c"}), "(repeated)");
  EXPECT_EQ(cookie({"session=; session=a.b.c"}), "(repeated)");
  EXPECT_EQ(cookie({"session=a.b.c", "theme=dark"}), "(repeated)") << "two fields";
}

TEST(Credentials, J38_AnEmptyOrMalformedCookieIsNotAMissingOne) {
  for (const char* value :
       {"session=", "session=\"a.b.c\"", "session=a b", "session=a,b", "session=a%2Eb", "session==a", "session=a=b"})
    EXPECT_EQ(cookie({value}), "(malformed)") << value;
}

}  // namespace
}  // namespace sluice::identity
