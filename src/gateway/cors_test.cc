
#include <gtest/gtest.h>

#include "gateway/cors.h"

namespace sluice::gateway {
namespace {

TEST(CorsOrigin, IsWrittenAsBrowsersDo) {
  EXPECT_EQ(origin_of("https://a.example.com/path"), "https://a.example.com");
  EXPECT_EQ(origin_of("https://A.Example.com:443"), "https://a.example.com");
  EXPECT_EQ(origin_of("http://a:80/x"), "http://a");
  EXPECT_EQ(origin_of("http://a:8080"), "http://a:8080");
  EXPECT_EQ(origin_of("no url"), "");
}

}  // namespace
}  // namespace sluice::gateway
