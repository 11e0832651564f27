#include "token/verifier.h"

#include <gtest/gtest.h>

#include <array>
#include <stdexcept>
#include <type_traits>

#include "base/bytes.h"
#include "token/test_keys.h"

namespace sluice::token {
namespace {

constexpr std::int64_t kNow = 1'700'000'000;

const Key& key() {
  static const Key made = Key::hmac_sha256("0123456789abcdef0123456789abcdeX").value();
  return made;
}

std::string claims(std::string_view more = "") {
  return R"({"exp":1700000060)" + std::string(more.empty() ? "" : ",") + std::string(more) + "}";
}

std::expected<std::shared_ptr<const VerifiedToken>, TokenError> verify(std::string_view json, VerifierOptions options = {},
                                                                       std::string_view type = "JWT") {
  options.keys = {key()};
  return Verifier(std::move(options)).verify(sign(key(), json, type), kNow);
}

TokenError error_of(std::string_view json, VerifierOptions options = {}, std::string_view type = "JWT") {
  const auto token = verify(json, std::move(options), type);
  EXPECT_FALSE(token) << json;
  return token ? TokenError::kTooLong : token.error();
}

TEST(Verifier, YieldsTypedClaims) {
  const auto token =
      verify(claims(R"("iss":"me","sub":"u1","jti":"t1","iat":1699999990,"org":{"id":7},"a.b":1)"), {.name = "api"});
  ASSERT_TRUE(token);
  const Claims& read = (*token)->claims();
  EXPECT_EQ((*token)->verified_by(), "api");
  EXPECT_EQ(read.issuer(), "me");
  EXPECT_EQ(read.subject(), "u1");
  EXPECT_EQ(read.token_id(), "t1");
  EXPECT_EQ(read.expires_at_s(), kNow + 60);
  EXPECT_EQ(read.issued_at_s(), kNow - 10);
  EXPECT_EQ(read.find_path("org.id")->get_int64().value(), 7);
  EXPECT_EQ(read.find_path("sub")->get_string().value(), "u1");
  EXPECT_FALSE(read.find_path("org.name"));
  EXPECT_FALSE(read.find_path("org.id.x"));
  EXPECT_FALSE(read.find_path(""));
  EXPECT_FALSE(read.find("nope"));
  EXPECT_TRUE(read.find("a.b"));
}

TEST(Verifier, AbsentClaimsAreEmpty) {
  const auto token = verify(claims());
  ASSERT_TRUE(token);
  EXPECT_EQ((*token)->claims().issuer(), "");
  EXPECT_EQ((*token)->claims().subject(), "");
  EXPECT_FALSE((*token)->claims().issued_at_s());
}

TEST(Verifier, RejectsPayloadsThatAreNoClaims) {
  for (const char* json : {"", "x", "[]", "1", "\"a\"", "null", "{}", R"({"exp":1700000060}x)"})
    EXPECT_EQ(error_of(json), TokenError::kBadClaims) << json;
}

TEST(Verifier, J32_RejectsRepeatedClaims) {
  EXPECT_EQ(error_of(claims(R"("sub":"a","sub":"b")")), TokenError::kBadClaims);
  EXPECT_EQ(error_of(claims(R"("exp":9999999999)")), TokenError::kBadClaims);
  EXPECT_EQ(error_of(claims(R"("shape":{"table":"a"},"shape":{"table":"b"})")), TokenError::kBadClaims);
  EXPECT_EQ(error_of(claims(R"("shape":{"table":"a","table":"b"})")), TokenError::kBadClaims);
  EXPECT_EQ(error_of(claims(R"("sub":"a","\u0073ub":"b")")), TokenError::kBadClaims);
}

TEST(Verifier, J34_RejectsNulSurrogatesAndBadUtf8) {
  for (const std::string more : {R"("sub":"a\u0000")", R"("sub\u0000":"a")", R"("sub":"\ud800")", R"("x":{"y":["\udfff"]})",
                                 "\"sub\":\"\xff\"", "\"sub\":\"\xc0\x80\""})
    EXPECT_EQ(error_of(claims(more)), TokenError::kBadClaims) << more;
}

TEST(Verifier, J35_RejectsDeepNesting) {
  const auto nested = [](int depth) { return claims("\"x\":" + std::string(depth, '[') + std::string(depth, ']')); };
  EXPECT_TRUE(verify(nested(15)));
  EXPECT_EQ(error_of(nested(16)), TokenError::kBadClaims);
  EXPECT_EQ(error_of(nested(2000)), TokenError::kBadClaims);
}

TEST(Verifier, J36_IssuerIsOneExactString) {
  const VerifierOptions options = {.issuer = "https://idp.example"};
  EXPECT_TRUE(verify(claims(R"("iss":"https://idp.example")"), options));
  for (const char* more : {R"("iss":"https://idp.example/")", R"("iss":"https://idp.example.evil")",
                           R"("iss":"HTTPS://idp.example")", R"("iss":"idp.example")", R"("sub":"x")"})
    EXPECT_EQ(error_of(claims(more), options), TokenError::kWrongIssuer) << more;
  for (const char* more :
       {R"("iss":["https://idp.example"])", R"("iss":1)", R"("iss":null)", R"("iss":"")", R"("iss":{})"}) {
    EXPECT_EQ(error_of(claims(more), options), TokenError::kBadClaims) << more;
    EXPECT_EQ(error_of(claims(more)), TokenError::kBadClaims) << more;
  }
}

TEST(Verifier, J37_AudienceMustBeOurs) {
  const VerifierOptions options = {.audience = "sluice"};
  EXPECT_TRUE(verify(claims(R"("aud":"sluice")"), options));
  EXPECT_TRUE(verify(claims(R"("aud":["other","sluice"])"), options));
  for (const char* more :
       {R"("aud":"other")", R"("aud":"sluice2")", R"("aud":"Sluice")", R"("aud":[])", R"("aud":["other"])", R"("sub":"x")"})
    EXPECT_EQ(error_of(claims(more), options), TokenError::kWrongAudience) << more;
  for (const char* more : {R"("aud":1)", R"("aud":null)", R"("aud":["sluice",1])", R"("aud":{"sluice":1})"})
    EXPECT_EQ(error_of(claims(more), options), TokenError::kBadClaims) << more;
}

TEST(Verifier, J37_TokensOfAnotherTypeAreRefused) {
  const VerifierOptions grants = {.type = "shape+jwt"};
  EXPECT_TRUE(verify(claims(), grants, "shape+jwt"));
  for (const char* type : {"JWT", "", "at+jwt", "SHAPE+JWT"})
    EXPECT_EQ(error_of(claims(), grants, type), TokenError::kWrongType) << type;
  const VerifierOptions identities = {.types_refused = {"shape+jwt"}};
  EXPECT_TRUE(verify(claims(), identities, "JWT"));
  EXPECT_TRUE(verify(claims(), identities, ""));
  for (const char* type : {"shape+jwt", "Shape+JWT", "application/shape+jwt"})
    EXPECT_EQ(error_of(claims(), identities, type), TokenError::kWrongType) << type;
}

TEST(Verifier, J36_J37_EveryRefusedClaimIsAnErrorNeverAnEmptyValue) {
  // A claim that is there must be right even where nothing asks for it.
  for (const char* more : {R"("iss":[])", R"("sub":7)", R"("jti":{})", R"("aud":[[]])", R"("aud":false)", R"("sub":"")",
                           R"("jti":"")", R"("sub":null)"})
    EXPECT_EQ(error_of(claims(more)), TokenError::kBadClaims) << more;
}

TEST(Verifier, J38_AForeignTokenIsAnErrorNotAMissingOne) {
  // No outcome but a token or a reason: nothing that a caller could take for "no credential".
  const VerifierOptions options = {.issuer = "https://idp.example", .audience = "sluice"};
  EXPECT_EQ(error_of(claims(R"("iss":"https://other.example","aud":"sluice")"), options), TokenError::kWrongIssuer);
  EXPECT_EQ(error_of(claims(R"("iss":"https://idp.example","aud":"other")"), options), TokenError::kWrongAudience);
  const Verifier verifier({.keys = {key()}});
  EXPECT_EQ(verifier.verify("", kNow).error(), TokenError::kNotCompact);
  EXPECT_EQ(verifier.verify("anonymous", kNow).error(), TokenError::kNotCompact);
  EXPECT_EQ(verifier.verify("..", kNow).error(), TokenError::kBadHeader);
}

// J39: claims come out of a verifier and from nowhere else.
static_assert(!std::is_default_constructible_v<Claims> && !std::is_default_constructible_v<VerifiedToken>);
static_assert(!std::is_constructible_v<Claims, Json> && !std::is_constructible_v<Claims, std::string_view>);
static_assert(!std::is_constructible_v<VerifiedToken, Claims> &&
              !std::is_constructible_v<VerifiedToken, Claims, std::string>);
static_assert(!std::is_copy_constructible_v<Claims> && !std::is_aggregate_v<VerifiedToken>);

TEST(Verifier, J39_ClaimsOfATokenThatFailsAreOutOfReach) {
  const std::string good = sign(key(), claims(R"("sub":"u1")"));
  std::string forged = good;
  forged.back() = forged.back() == 'A' ? 'Q' : 'A';
  const Verifier verifier({.keys = {key()}});
  EXPECT_EQ(verifier.verify(good, kNow).value()->claims().subject(), "u1");
  EXPECT_EQ(verifier.verify(forged, kNow).error(), TokenError::kBadSignature);
}

TEST(Verifier, J20_J32_NothingIsReadOfClaimsBeforeTheSignature) {
  // Claims that would be refused, in a token that is refused earlier: by its algorithm, key, or signature.
  const std::string bad_claims = R"({"exp":1,"exp":2})";
  EXPECT_EQ(Verifier({.keys = {key()}}).verify(sign(test_key(Algorithm::kEs256), bad_claims), kNow).error(),
            TokenError::kBadAlgorithm);
  const Key other = Key::hmac_sha256("0123456789abcdef0123456789abcdeY").value();
  EXPECT_EQ(Verifier({.keys = {key()}}).verify(sign(other, bad_claims), kNow).error(), TokenError::kBadSignature);
  EXPECT_EQ(Verifier(VerifierOptions{}).verify(sign(key(), bad_claims), kNow).error(), TokenError::kUnknownKey);
}

TEST(Verifier, VerifiesEveryAlgorithm) {
  for (const Algorithm algorithm : kAllAlgorithms) {
    const Verifier verifier({.keys = {test_public_key(algorithm)}});
    EXPECT_EQ(verifier.verify(sign(test_key(algorithm), claims(R"("sub":"u1")")), kNow).value()->claims().subject(), "u1");
  }
}

TEST(Verifier, TakesTheKeysOfTheMoment) {
  const Verifier verifier({.name = "idp", .keys = {key()}, .issuer = "me"});
  const std::vector<Key> now = {test_public_key(Algorithm::kEs256)};
  const std::string old_token = sign(key(), claims(R"("iss":"me")"));
  const std::string new_token = sign(test_key(Algorithm::kEs256), claims(R"("iss":"me")"));
  EXPECT_EQ(verifier.verify(new_token, now, kNow).value()->verified_by(), "idp");
  EXPECT_EQ(verifier.verify(old_token, now, kNow).error(), TokenError::kBadAlgorithm);  // its own are not tried
  EXPECT_EQ(verifier.verify(new_token, {}, kNow).error(), TokenError::kUnknownKey);
  EXPECT_TRUE(verifier.verify(old_token, kNow));
  const std::string foreign = sign(test_key(Algorithm::kEs256), claims(R"("iss":"you")"));
  EXPECT_EQ(verifier.verify(foreign, now, kNow).error(), TokenError::kWrongIssuer);
}

TEST(Verifier, J40_ExpIsRequiredAndWhole) {
  EXPECT_EQ(error_of(R"({"sub":"x"})"), TokenError::kBadClaims);
  for (const char* time : {"1700000060.0", "1.70000006e9", "\"1700000060\"", "-1", "9007199254740993",
                           "18446744073709551615", "null", "true", "[1]", "{}", "-0.0", "1e400"}) {
    EXPECT_EQ(error_of(R"({"exp":)" + std::string(time) + "}"), TokenError::kBadClaims) << time;
    EXPECT_EQ(error_of(claims(R"("nbf":)" + std::string(time))), TokenError::kBadClaims) << time;
    EXPECT_EQ(error_of(claims(R"("iat":)" + std::string(time))), TokenError::kBadClaims) << time;
  }
}

TEST(Verifier, J40_TimesHoldWithinTheLeeway) {
  const auto at = [](std::int64_t exp, std::string_view more = "") {
    return R"({"exp":)" + std::to_string(exp) + std::string(more) + "}";
  };
  EXPECT_TRUE(verify(at(kNow - 29)));
  EXPECT_EQ(error_of(at(kNow - 30)), TokenError::kExpired);
  EXPECT_TRUE(verify(at(kNow + 1), {.leeway_s = 0}));
  EXPECT_EQ(error_of(at(kNow), {.leeway_s = 0}), TokenError::kExpired);
  EXPECT_TRUE(verify(claims(R"("nbf":1700000030)")));
  EXPECT_EQ(error_of(claims(R"("nbf":1700000031)")), TokenError::kNotYetValid);
  EXPECT_EQ(error_of(claims(R"("iat":1700000031)")), TokenError::kNotYetValid);
}

TEST(Verifier, J40_LifetimesAreBounded) {
  const VerifierOptions hour = {.lifetime_max_s = 3600};
  EXPECT_TRUE(verify(R"({"exp":1700003600,"iat":1700000000})", hour));
  EXPECT_EQ(error_of(R"({"exp":1700003601,"iat":1700000000})", hour), TokenError::kLifetimeTooLong);
  EXPECT_EQ(error_of(R"({"exp":1700000010,"iat":1600000000})", hour), TokenError::kLifetimeTooLong);
  EXPECT_EQ(error_of(R"({"exp":1700003601})", hour), TokenError::kLifetimeTooLong);
  EXPECT_EQ(error_of(R"({"exp":9007199254740992})"), TokenError::kLifetimeTooLong);
}

TEST(Verifier, J40_TimesAtTheEdgesOfTheirRange) {
  EXPECT_EQ(error_of(R"({"exp":0})"), TokenError::kExpired);
  EXPECT_EQ(error_of(claims(R"("nbf":9007199254740992)")), TokenError::kNotYetValid);
  EXPECT_EQ(error_of(claims(R"("iat":9007199254740992)")), TokenError::kNotYetValid);
  EXPECT_EQ(error_of(R"({"exp":9007199254740992,"iat":0})"), TokenError::kLifetimeTooLong);
  EXPECT_TRUE(verify(claims(R"("nbf":0)")));
  // Ten years by default.
  EXPECT_TRUE(verify(R"({"exp":2015360000,"iat":1700000000})"));
  EXPECT_EQ(error_of(R"({"exp":2015360001,"iat":1700000000})"), TokenError::kLifetimeTooLong);
}

TEST(Verifier, J40_LeewayIsBounded) {
  EXPECT_THROW(Verifier({.leeway_s = 61}), std::invalid_argument);
  EXPECT_THROW(Verifier({.leeway_s = -1}), std::invalid_argument);
}

TEST(Verifier, ATokenOutlivesItsVerifierAndItsText) {
  std::shared_ptr<const VerifiedToken> token;
  {
    const Verifier verifier({.name = "api", .keys = {key()}});
    const std::string text = sign(key(), claims(R"("sub":"u1")"));
    token = verifier.verify(text, kNow).value();
  }
  EXPECT_EQ(token->claims().subject(), "u1");
  EXPECT_EQ(token->verified_by(), "api");
}

TEST(TokenErrors, FinalOnesStayWhateverTimeAndKeysDo) {
  for (const TokenError error : {TokenError::kUnknownKey, TokenError::kBadSignature, TokenError::kBadAlgorithm,
                                 TokenError::kNotYetValid, TokenError::kLifetimeTooLong})
    EXPECT_FALSE(is_final(error)) << to_string(error);
  for (const TokenError error :
       {TokenError::kTooLong, TokenError::kNotCompact, TokenError::kBadBase64, TokenError::kBadHeader, TokenError::kCritical,
        TokenError::kEmbeddedKey, TokenError::kBadKeyId, TokenError::kBadClaims, TokenError::kExpired,
        TokenError::kWrongIssuer, TokenError::kWrongAudience, TokenError::kWrongType})
    EXPECT_TRUE(is_final(error)) << to_string(error);
  // A lifetime is counted from now where the token has no `iat`: later the same token is short enough.
  const Verifier verifier({.keys = {key()}, .lifetime_max_s = 3600});
  const std::string token = sign(key(), R"({"exp":1700007200})");
  EXPECT_EQ(verifier.verify(token, kNow).error(), TokenError::kLifetimeTooLong);
  EXPECT_TRUE(verifier.verify(token, kNow + 3600));
}

TEST(Verifier, ErrorsHaveNames) {
  EXPECT_EQ(to_string(TokenError::kBadSignature), "bad_signature");
  EXPECT_EQ(to_string(TokenError::kExpired), "expired");
}

}  // namespace
}  // namespace sluice::token
