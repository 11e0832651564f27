#include "origin/embedded/spec_codec.h"

#include <gtest/gtest.h>

#include "origin/embedded/test_table.h"

namespace sluice::origin::embedded {
namespace {

// Every member of every column is something else than it would be by itself.
sql::Table full_table() {
  sql::Table table = items_table();
  table.schema = "a \"schema\"";
  table.kind = 'p';
  sql::Column odd;
  odd.name = "größe\n";
  odd.type = 4'000'000'001;
  odd.type_mod = -2;
  odd.type_name = "mood";
  odd.dimensions = 3;
  odd.not_null = true;
  odd.pk_index = 1;
  odd.generated = true;
  odd.is_enum = true;
  odd.enum_labels = {"sad", "", "happy"};
  odd.base_type = 17;
  odd.collation = {.casing = sql::Collation::Casing::kOther, .orders_bytes = true, .deterministic = false};
  table.columns.push_back(odd);
  return table;
}

std::string meta_of(const shape::Definition& definition, sql::Table table) {
  auto spec = resolve(definition, std::make_shared<const sql::Table>(std::move(table)));
  EXPECT_TRUE(spec) << spec.error().message;
  return encode_spec(definition.canonical_text(), **spec);
}

TEST(SpecCodec, AShapeIsKnownAgain) {
  for (bool with_where : {true, false}) {
    shape::DefinitionText text;
    text.table = "items";
    if (with_where) text.where = "org = $1 AND (title LIKE 'a%' OR id + 1 > 5)";
    if (with_where) text.params[1] = "it's";
    text.columns = "id,org";
    text.replica = with_where ? "full" : "default";
    text.log = with_where ? "changes_only" : "full";
    auto definition = shape::Definition::make(text);
    ASSERT_TRUE(definition);
    auto spec = resolve(*definition, std::make_shared<const sql::Table>(items_table()));
    ASSERT_TRUE(spec);
    auto read = SpecReader().read(encode_spec(definition->canonical_text(), **spec));
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(read->definition, definition->canonical_text());
    EXPECT_EQ(read->spec->identity, (*spec)->identity);
    EXPECT_EQ(*read->spec->table, *(*spec)->table);
    EXPECT_EQ(read->spec->encoder.columns(), (*spec)->encoder.columns());
    EXPECT_EQ(read->spec->encoder.schema_json(), (*spec)->encoder.schema_json());
    EXPECT_EQ(read->spec->full, (*spec)->full);
    EXPECT_EQ(read->spec->log, (*spec)->log);
    ASSERT_EQ(read->spec->where.has_value(), with_where);
    if (with_where) EXPECT_EQ(read->spec->where->sql(), (*spec)->where->sql());
  }
}

TEST(SpecCodec, ATableIsKnownWithAllOfItsColumns) {
  auto spec = make_spec(std::make_shared<const sql::Table>(full_table()), std::nullopt, {0, 1, 3}, shape::Replica::kDefault,
                        shape::LogMode::kFull);
  auto read = SpecReader().read(encode_spec("it", *spec));
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(*read->spec->table, full_table());
}

TEST(SpecCodec, ShapesOfOneTableShareIt) {
  SpecReader reader;
  auto first = reader.read(meta_of(items_definition("org = 'a'"), items_table()));
  auto second = reader.read(meta_of(items_definition("org = 'b'"), items_table()));
  sql::Table altered = items_table();
  altered.columns.back().name = "organisation";
  auto third = reader.read(meta_of(items_definition(), altered));
  ASSERT_TRUE(first && second && third);
  EXPECT_EQ(first->spec->table, second->spec->table);
  EXPECT_NE(first->spec->table, third->spec->table);
}

TEST(SpecCodec, WhatIsCutShortOrTooLongIsRefused) {
  const std::string meta = meta_of(items_definition("org = 'a'"), items_table());
  ASSERT_TRUE(SpecReader().read(meta));
  for (std::size_t size = 0; size < meta.size(); ++size) ASSERT_FALSE(SpecReader().read(meta.substr(0, size))) << size;
  EXPECT_FALSE(SpecReader().read(meta + '\0'));
}

TEST(SpecCodec, AnotherVersionIsRefused) {
  std::string meta = meta_of(items_definition(), items_table());
  meta[0] = 2;
  auto read = SpecReader().read(meta);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error(), "of another version");
}

TEST(SpecCodec, ColumnsThatTheTableDoesNotHaveAreRefused) {
  std::string meta = meta_of(items_definition(std::nullopt, "id,org"), items_table());
  const std::size_t columns = 1 + 4 + items_definition(std::nullopt, "id,org").canonical_text().size() + 2;
  ASSERT_EQ(meta[columns], 2) << "there are two";
  ASSERT_EQ(meta[columns + 8], 2) << "the second is org";
  meta[columns + 8] = 3;
  EXPECT_FALSE(SpecReader().read(meta));
  meta[columns + 8] = 0;
  EXPECT_FALSE(SpecReader().read(meta)) << "they rise";
}

TEST(SpecCodec, AWhereClauseThatIsNotUnderstoodIsRefused) {
  std::string meta = meta_of(items_definition("org = 'a'"), items_table());
  const std::size_t where = meta.rfind("\"org\"");
  ASSERT_NE(where, std::string::npos);
  meta.replace(where, 5, "\"off\"");
  auto read = SpecReader().read(meta);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().find("not understood"), std::string::npos) << read.error();
}

}  // namespace
}  // namespace sluice::origin::embedded
