#include "origin/remote/handle_seal.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "shape/definition.h"

namespace sluice::origin {
namespace {

const std::string kKey(kHandleKeyBytes, 'k');
constexpr std::string_view kUpstream = "66731270-1726845902187214";

std::string text_of(shape::DefinitionText text) {
  return shape::Definition::make(text)->canonical_text();
}

shape::DefinitionText items(std::string org) {
  shape::DefinitionText text;
  text.table = "items";
  text.where = "org = $1";
  text.params = {{1, std::move(org)}};
  return text;
}

TEST(HandleSeal, E12_OpensWhatItSealedForTheSameDefinition) {
  const HandleSeal seal(kKey);
  const auto sealed = seal.seal(text_of(items("a")), kUpstream);
  ASSERT_TRUE(sealed);
  EXPECT_EQ(sealed->size(), kUpstream.size() + kSealBytes);
  EXPECT_TRUE(sealed->starts_with(std::string(kUpstream) + "."));
  EXPECT_EQ(seal.open(text_of(items("a")), *sealed), kUpstream);
  EXPECT_EQ(HandleSeal(kKey).seal(text_of(items("a")), kUpstream), sealed) << "another gateway agrees";
}

TEST(HandleSeal, E12_OpensForNoOtherDefinition) {
  const HandleSeal seal(kKey);
  const std::string sealed = *seal.seal(text_of(items("a")), kUpstream);
  EXPECT_FALSE(seal.open(text_of(items("b")), sealed));

  auto other = items("a");
  other.log = "changes_only";
  EXPECT_FALSE(seal.open(text_of(other), sealed));
  other = items("a");
  other.columns = "id";
  EXPECT_FALSE(seal.open(text_of(other), sealed));
  other = items("a");
  other.queryable_columns = "id";
  EXPECT_FALSE(seal.open(text_of(other), sealed));
  other = items("a");
  other.replica = "full";
  EXPECT_FALSE(seal.open(text_of(other), sealed));
}

TEST(HandleSeal, E12_OpensNothingThatWasChanged) {
  const HandleSeal seal(kKey);
  const std::string text = text_of(items("a"));
  const std::string sealed = *seal.seal(text, kUpstream);
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(seal.open(text, changed)) << changed;
  }
  EXPECT_FALSE(seal.open(text, sealed + "A"));
  EXPECT_FALSE(seal.open(text, sealed.substr(0, sealed.size() - 1)));
  EXPECT_FALSE(seal.open(text, sealed.substr(kUpstream.size()))) << "a seal alone";
  EXPECT_FALSE(seal.open(text, kUpstream)) << "the server's handle alone";
  EXPECT_FALSE(seal.open(text, ""));
  EXPECT_FALSE(HandleSeal(std::string(kHandleKeyBytes, 'x')).open(text, sealed)) << "another key";
}

TEST(HandleSeal, SealsHandlesThatLeaveRoomForTheSeal) {
  const HandleSeal seal(kKey);
  const auto longest = seal.seal("t", std::string(kUpstreamHandleBytesMax, 'h'));
  ASSERT_TRUE(longest);
  EXPECT_EQ(longest->size(), shape::kHandleBytesMax);
  EXPECT_EQ(seal.open("t", *longest), std::string(kUpstreamHandleBytesMax, 'h'));
  EXPECT_FALSE(seal.seal("t", std::string(kUpstreamHandleBytesMax + 1, 'h')));
  EXPECT_FALSE(seal.seal("t", ""));
  EXPECT_FALSE(seal.seal("t", "a b"));
  EXPECT_TRUE(seal.open("t", *seal.seal("t", "with.dots"))) << "only the last dot is the seal's";
}

TEST(HandleSeal, E12_AForeignHandleBecomesTheUnknownOne) {
  const HandleSeal seal(kKey);
  shape::Position position;
  position.offset = shape::Offset::at(5, 0);
  position.handle = *seal.seal("a", kUpstream);
  EXPECT_EQ(seal.open_position("a", position).handle, kUpstream);
  EXPECT_EQ(seal.open_position("b", position).handle, kUnknownHandle);
  position.handle.reset();
  EXPECT_FALSE(seal.open_position("a", position).handle);
}

TEST(HandleSeal, ExpiredHandlesStayApartInCacheKeys) {
  const HandleSeal seal(kKey);
  const auto opened = [&](std::string expired) {
    shape::Position position;
    position.expired_handle = std::move(expired);
    return *seal.open_position("a", position).expired_handle;
  };
  EXPECT_EQ(opened(*seal.seal("a", kUpstream)), kUpstream);
  const std::string foreign = opened(*seal.seal("b", kUpstream));
  EXPECT_NE(foreign, kUpstream);
  EXPECT_NE(foreign, opened("another"));
  EXPECT_EQ(opened("another"), opened("another"));
  EXPECT_LE(opened(std::string(shape::kHandleBytesMax, 'h')).size(), shape::kHandleBytesMax);
}

TEST(HandleSeal, AKeyOfASecretIsTheSameEverywhereAndOthersAreRandom) {
  EXPECT_EQ(HandleSeal::derive_key("secret").size(), kHandleKeyBytes);
  EXPECT_EQ(HandleSeal::derive_key("secret"), HandleSeal::derive_key("secret"));
  EXPECT_NE(HandleSeal::derive_key("secret"), HandleSeal::derive_key("secret2"));
  EXPECT_NE(HandleSeal::derive_key(""), HandleSeal::derive_key(""));
  EXPECT_THROW(HandleSeal("too short"), std::invalid_argument);
}

}  // namespace
}  // namespace sluice::origin
