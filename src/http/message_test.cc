#include "http/message.h"

#include <gtest/gtest.h>

#include "http/response_head.h"

namespace sluice::http {
namespace {

const FixedFields kFixed{{"X-One", "1"}, {"X-Two", "2"}};

std::string listed(const Fields& fields) {
  std::string out;
  for (std::size_t i = 0; i < fields.size(); ++i)
    out.append(fields.at(i).name).append("=").append(fields.at(i).value) += ' ';
  return out;
}

std::string printed(const Response& response) {
  std::string out;
  append_response_head(out, response, {});
  return out;
}

TEST(Fields, FixedOnesAreAmongTheOthers) {
  Response response;
  response.fields.add(kFixed);
  response.fields.add("X-Own", "0");
  EXPECT_EQ(listed(response.fields), "X-Own=0 X-One=1 X-Two=2 ");
  EXPECT_EQ(response.fields.get("x-two"), "2");
  EXPECT_EQ(response.fields.count("X-One"), 1u);
  EXPECT_NE(printed(response).find("X-Own: 0\r\nX-One: 1\r\nX-Two: 2\r\nDate: "), std::string::npos);
  response.clear();
  EXPECT_EQ(response.fields.size(), 0u);
  EXPECT_EQ(response.fields.get("x-two"), std::nullopt);
}

TEST(Fields, FixedOnesCanBeTakenAwayAndSetOtherwise) {
  Response response;
  response.fields.add(kFixed);
  response.fields.remove("X-None");
  EXPECT_EQ(response.fields.fixed(), &kFixed);
  response.fields.remove("x-one");
  EXPECT_EQ(listed(response.fields), "X-Two=2 ");
  response.fields.set("X-Two", "3");
  EXPECT_EQ(listed(response.fields), "X-Two=3 ");
  EXPECT_NE(printed(response).find("X-Two: 3\r\nDate: "), std::string::npos);
  EXPECT_EQ(listed(kFixed.fields()), "X-One=1 X-Two=2 ");
}

}  // namespace
}  // namespace sluice::http
