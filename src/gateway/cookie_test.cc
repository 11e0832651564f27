#include "gateway/cookie.h"

#include <gtest/gtest.h>

#include "gateway/cors.h"

namespace sluice::gateway {
namespace {

using Found = std::optional<std::string_view>;

class CookieFieldTest : public ::testing::Test {
 protected:
  std::expected<Found, CookieError> find(const std::vector<std::string>& values, std::string_view name = "s") {
    fields.clear();
    for (const std::string& value : values) fields.add("cookie", value);
    return find_cookie(fields, name);
  }
  http::Fields fields;
};

TEST_F(CookieFieldTest, FindsOneByItsExactName) {
  EXPECT_EQ(*find({}), Found());
  EXPECT_EQ(*find({"s=1"}), Found("1"));
  EXPECT_EQ(*find({"a=0; s=1; b=2"}), Found("1"));
  EXPECT_EQ(*find({"a=0;s=1;b=2"}), Found("1"));
  EXPECT_EQ(*find({"a=0", "s=1"}), Found("1"));
  EXPECT_EQ(*find({"s=\"1\""}), Found("1"));
  EXPECT_EQ(*find({"s=a=b"}), Found("a=b"));
  EXPECT_EQ(*find({"s="}), Found(""));
  EXPECT_EQ(*find({"S=1; ss=2; xs=3; a=s=4"}), Found());
  EXPECT_EQ(*find({"s"}), Found());
  EXPECT_EQ(*find({"; ;=; s=1;"}), Found("1"));
}

TEST_F(CookieFieldTest, J44_TwoOfOneNameAreAnError) {
  EXPECT_FALSE(find({"s=1; s=2"}));
  EXPECT_FALSE(find({"s=1", "s=1"}));
  EXPECT_FALSE(find({"s=; a=1; s=2"}));
}

TEST(CorsOrigin, IsWrittenAsBrowsersDo) {
  EXPECT_EQ(origin_of("https://a.example.com/path"), "https://a.example.com");
  EXPECT_EQ(origin_of("https://A.Example.com:443"), "https://a.example.com");
  EXPECT_EQ(origin_of("http://a:80/x"), "http://a");
  EXPECT_EQ(origin_of("http://a:8080"), "http://a:8080");
  EXPECT_EQ(origin_of("no url"), "");
}

}  // namespace
}  // namespace sluice::gateway
