#include "base/owned_descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>

namespace sluice {
namespace {

bool is_open(int descriptor) {
  return ::fcntl(descriptor, F_GETFD) != -1;
}

TEST(OwnedDescriptor, IsClosedOnceByItsLastOwner) {
  std::array<int, 2> ends;
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  OwnedDescriptor outer;
  EXPECT_FALSE(outer);
  {
    OwnedDescriptor first(ends[0]);
    OwnedDescriptor second(std::move(first));
    EXPECT_EQ(second.descriptor(), ends[0]);
    outer = std::move(second);
  }
  EXPECT_TRUE(outer);
  EXPECT_TRUE(is_open(ends[0]));
  outer.close();
  EXPECT_FALSE(outer);
  EXPECT_FALSE(is_open(ends[0]));
  outer.close();
  { OwnedDescriptor other(ends[1]); }
  EXPECT_FALSE(is_open(ends[1]));
}

}  // namespace
}  // namespace sluice
