// The layer that forgets, and what it must do for the crash tests to mean something.
#include "store/forgetful_files.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace sluice::store {
namespace {

TEST(ForgetfulFiles, KeepsWhatWasSyncedAndForgetsSomeOfTheRest) {
  int kept = 0;
  int names = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    ForgetfulFiles files(seed);
    ASSERT_TRUE(files.make_folder("f"));
    auto file = files.open("f/a", OpenMode::kWrite);
    ASSERT_TRUE((*file)->write_at(0, "synced"));
    ASSERT_TRUE((*file)->sync());
    ASSERT_TRUE(files.sync_folder("f"));
    ASSERT_TRUE((*file)->write_at(6, "unsynced"));
    ASSERT_TRUE(files.rename("f/a", "f/b"));
    files.crash();
    ASSERT_EQ(files.paths().size(), 1u);
    const std::string* bytes = files.bytes_of(files.paths()[0]);
    ASSERT_EQ(bytes->substr(0, 6), "synced");
    kept += bytes->size() > 6 ? 1 : 0;
    names += files.bytes_of("f/b") != nullptr ? 1 : 0;
  }
  for (int count : {kept, names}) {
    EXPECT_GT(count, 10);
    EXPECT_LT(count, 90);
  }
}

TEST(ForgetfulFiles, RunsFullAndGivesBack) {
  ForgetfulFiles files(1);
  ASSERT_TRUE(files.make_folder("f"));
  auto file = files.open("f/a", OpenMode::kWrite);
  files.set_room(4);
  EXPECT_EQ((*file)->write_at(0, "123456").error().code, ENOSPC);
  EXPECT_EQ(*(*file)->size(), 4u);
  ASSERT_TRUE(files.remove("f/a"));
  auto other = files.open("f/b", OpenMode::kWrite);
  EXPECT_TRUE((*other)->write_at(0, "1234"));
}

}  // namespace
}  // namespace sluice::store
