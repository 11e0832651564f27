#include "gateway/published.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace sluice::gateway {
namespace {

TEST(Published, TheOldValueEndsWithItsLastReader) {
  auto first = std::make_shared<const int>(1);
  const std::weak_ptr<const int> old = first;
  Published<int> published(std::move(first));
  auto reader = published.get();
  published.set(std::make_shared<const int>(2));
  EXPECT_EQ(*reader, 1);
  EXPECT_EQ(*published.get(), 2);
  EXPECT_FALSE(old.expired());
  reader.reset();
  EXPECT_TRUE(old.expired());
}

TEST(Published, ReadersNeverSeeAnOlderValueThanBefore) {
  Published<int> published(std::make_shared<const int>(0));
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i)
    readers.emplace_back([&] {
      int seen = 0;
      while (seen < 1'000) {
        const int now = *published.get();
        ASSERT_GE(now, seen);
        seen = now;
      }
    });
  for (int i = 1; i <= 1'000; ++i) published.set(std::make_shared<const int>(i));
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace sluice::gateway
