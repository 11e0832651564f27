#include "origin/embedded/registry.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "origin/embedded/test_table.h"

namespace sluice::origin::embedded {
namespace {

class RegistryTest : public testing::Test {
 protected:
  std::shared_ptr<const ShapeSpec> spec(const shape::Definition& definition) {
    return resolve(definition, std::make_shared<const sql::Table>(items_table())).value();
  }
  Registry::Inserted insert(const shape::Definition& definition) {
    return registry_.find_or_create(definition.canonical_text(), spec(definition));
  }

  store::MemoryStore store_{1 << 20};
  Registry registry_{store_};
};

TEST_F(RegistryTest, FindsAShapeByTheDefinitionItWasMadeFor) {
  auto definition = items_definition("org = 'a'");
  EXPECT_EQ(registry_.find(definition.canonical_text()), nullptr);
  auto inserted = insert(definition);
  EXPECT_TRUE(inserted.created);
  EXPECT_EQ(registry_.find(definition.canonical_text()), inserted.shape);
  EXPECT_EQ(registry_.find(items_definition("org = 'b'").canonical_text()), nullptr);
}

TEST_F(RegistryTest, OtherSpellingsOfTheSameShapeShareIt) {
  auto plain = insert(items_definition("org = 'a'"));
  auto parenthesised = insert(items_definition("(org = 'a')"));
  EXPECT_FALSE(parenthesised.created);
  EXPECT_EQ(parenthesised.shape, plain.shape);
  EXPECT_EQ(registry_.size(), 1u);
}

TEST_F(RegistryTest, DifferentDataIsDifferentShapes) {
  std::set<std::string> handles;
  handles.insert(insert(items_definition()).shape->handle());
  handles.insert(insert(items_definition("org = 'a'")).shape->handle());
  handles.insert(insert(items_definition(std::nullopt, "id,title")).shape->handle());
  handles.insert(insert(items_definition(std::nullopt, std::nullopt, "full")).shape->handle());
  EXPECT_EQ(handles.size(), 4u);
}

TEST_F(RegistryTest, ADroppedShapeIsFoundUnderNoSpellingAndItsHandleIsNotUsedAgain) {
  auto first = insert(items_definition("org = 'a'")).shape;
  insert(items_definition("(org = 'a')"));
  registry_.drop(first);
  EXPECT_EQ(first->phase(), Phase::kDropped);
  EXPECT_EQ(registry_.find(items_definition("(org = 'a')").canonical_text()), nullptr);
  auto second = insert(items_definition("org = 'a'"));
  EXPECT_TRUE(second.created);
  EXPECT_NE(second.shape->handle(), first->handle());
  registry_.drop(first);
  EXPECT_EQ(registry_.size(), 1u) << "a late drop of the old shape must not touch the new one";
}

TEST_F(RegistryTest, TellsTheLeastUsed) {
  auto old = insert(items_definition("org = 'a'")).shape;
  auto recent = insert(items_definition("org = 'b'")).shape;
  auto creating = insert(items_definition("org = 'c'")).shape;
  old->set_ready();
  recent->set_ready();
  recent->touch(std::chrono::steady_clock::now() + std::chrono::seconds(1));
  EXPECT_EQ(registry_.least_used(1), (std::vector{old}));
  EXPECT_EQ(registry_.least_used(9), (std::vector{old, recent}));
}

TEST(Handle, IsDigitsAndNeverTheSame) {
  std::set<std::string> handles;
  for (int i = 0; i < 1000; ++i) {
    std::string handle = make_handle();
    EXPECT_TRUE(std::regex_match(handle, std::regex("[0-9]+-[0-9]+"))) << handle;
    EXPECT_TRUE(handles.insert(handle).second);
  }
}

TEST(Resolve, NamesWhatIsWrong) {
  auto table = std::make_shared<sql::Table>(items_table());
  auto blamed = [&](const shape::Definition& definition) {
    auto spec = resolve(definition, table);
    return spec ? "" : spec.error().field;
  };
  EXPECT_EQ(blamed(items_definition()), "");
  EXPECT_EQ(blamed(items_definition(std::nullopt, "id,nope")), "columns");
  EXPECT_EQ(blamed(items_definition(std::nullopt, "title")), "columns");
  EXPECT_EQ(blamed(items_definition("nope = 1")), "where");
  table->columns[1].generated = true;
  EXPECT_EQ(blamed(items_definition()), "columns");
  EXPECT_EQ(blamed(items_definition(std::nullopt, "id,org")), "");
  EXPECT_EQ(blamed(items_definition("title = 'x'", "id,org")), "where");
}

}  // namespace
}  // namespace sluice::origin::embedded
