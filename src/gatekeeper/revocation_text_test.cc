#include "gatekeeper/revocation_text.h"

#include <gtest/gtest.h>

namespace sluice::gatekeeper {
namespace {

using Kind = Revocation::Kind;

TEST(RevocationText, ReadsWhatItPrints) {
  const std::vector<std::pair<Revocation, std::string>> all = {
      {{.value = "j", .forget_at_s = 9}, R"({"kind":"token","value":"j","forget_at":9})"},
      {{.value = "j", .issuer = "i\"", .forget_at_s = 9}, R"({"kind":"token","value":"j","issuer":"i\"","forget_at":9})"},
      {{.kind = Kind::kSubject, .value = "s\n", .issuer = "i", .before_s = 5, .forget_at_s = 9},
       R"({"kind":"subject","value":"s\n","issuer":"i","before":5,"forget_at":9})"},
      {{.kind = Kind::kIssuer, .value = "i", .before_s = 0, .forget_at_s = 9},
       R"({"kind":"issuer","value":"i","before":0,"forget_at":9})"},
      {{.kind = Kind::kAll, .before_s = 5, .forget_at_s = 9}, R"({"kind":"all","before":5,"forget_at":9})"},
      {{.value = std::string(kRevocationValueBytesMax, '\x01'),
        .issuer = std::string(kRevocationValueBytesMax, '\x02'),
        .forget_at_s = std::int64_t{1} << 53},
       ""}};
  for (const auto& [revocation, text] : all) {
    ASSERT_TRUE(check(revocation));
    const std::string printed = print_revocation(revocation);
    if (!text.empty()) EXPECT_EQ(printed, text);
    EXPECT_EQ(printed.find('\n'), std::string::npos);
    EXPECT_EQ(parse_revocation(printed), revocation);
  }
}

TEST(RevocationText, AnythingElseIsAnError) {
  for (const char* text : {"",
                           "[]",
                           "{}",
                           R"({"kind":"token","value":"j"})",
                           R"({"value":"j","forget_at":9})",
                           R"({"kind":"token","forget_at":9})",
                           R"({"kind":"token","value":"","forget_at":9})",
                           R"({"kind":"token","value":"j","before":5,"forget_at":9})",
                           R"({"kind":"subject","value":"s","forget_at":9})",
                           R"({"kind":"Token","value":"j","forget_at":9})",
                           R"({"kind":0,"value":"j","forget_at":9})",
                           R"({"kind":"token","value":7,"forget_at":9})",
                           R"({"kind":"token","value":"j","forget_at":"9"})",
                           R"({"kind":"token","value":"j","forget_at":9.0})",
                           R"({"kind":"token","value":"j","forget_at":-1})",
                           R"({"kind":"token","value":"j","forget_at":9007199254740993})",
                           R"({"kind":"token","value":"j","forget_at":9,"x":1})",
                           R"({"kind":"token","value":"j","value":"k","forget_at":9})",
                           R"({"kind":"token","value":"j\u0000","forget_at":9})",
                           R"({"kind":"all","value":"j","before":5,"forget_at":9})",
                           R"({"kind":"all","issuer":"i","before":5,"forget_at":9})",
                           R"({"kind":"issuer","value":"i","issuer":"i","before":5,"forget_at":9})",
                           R"({"kind":"token","value":"j","forget_at":9} )"
                           "x"})
    EXPECT_FALSE(parse_revocation(text)) << text;
}

TEST(RevocationText, WhatCannotBeKeptIsSaidBefore) {
  EXPECT_FALSE(check({.value = std::string(kRevocationValueBytesMax + 1, 'x'), .forget_at_s = 9}));
  EXPECT_FALSE(check({.value = "\xff", .forget_at_s = 9}));
  EXPECT_FALSE(check({.value = std::string("a\0b", 3), .forget_at_s = 9}));
  EXPECT_FALSE(check({.value = "j", .forget_at_s = -1}));
  EXPECT_FALSE(check({.forget_at_s = 9}));
}

}  // namespace
}  // namespace sluice::gatekeeper
