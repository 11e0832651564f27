// For tests: a table and shapes of it, without a database.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "origin/embedded/resolve.h"
#include "origin/embedded/shape.h"
#include "shape/definition.h"
#include "sql/types.h"
#include "store/memory_store.h"

namespace sluice::origin::embedded {

// items (id int8 primary key, title text, org text)
inline sql::Table items_table() {
  auto column = [](std::string name, sql::Oid type, std::string type_name) {
    sql::Column made;
    made.name = std::move(name);
    made.type = type;
    made.type_name = std::move(type_name);
    return made;
  };
  sql::Table table;
  table.oid = 4711;
  table.schema = "public";
  table.name = "items";
  table.replica_identity = 'f';
  table.columns = {column("id", sql::oid::kInt8, "int8"), column("title", sql::oid::kText, "text"),
                   column("org", sql::oid::kText, "text")};
  table.columns[0].not_null = true;
  table.columns[0].pk_index = 0;
  return table;
}

inline shape::Definition items_definition(std::optional<std::string> where = std::nullopt,
                                          std::optional<std::string> columns = std::nullopt,
                                          std::optional<std::string> replica = std::nullopt) {
  shape::DefinitionText text;
  text.table = "items";
  text.where = std::move(where);
  text.columns = std::move(columns);
  text.replica = std::move(replica);
  auto definition = shape::Definition::make(text);
  EXPECT_TRUE(definition) << definition.error().message;
  return *definition;
}

inline std::shared_ptr<Shape> items_shape(store::LogStore& store, std::optional<std::string> where = std::nullopt,
                                          std::optional<std::string> columns = std::nullopt,
                                          std::optional<std::string> replica = std::nullopt) {
  auto spec = resolve(items_definition(std::move(where), std::move(columns), std::move(replica)),
                      std::make_shared<const sql::Table>(items_table()));
  EXPECT_TRUE(spec) << spec.error().message;
  std::string handle = make_handle();
  return std::make_shared<Shape>(handle, *spec, store.create(handle, ""));
}

// What can be read of a log from `after` on.
inline std::string log_text(const Shape& shape, shape::Offset after = shape::Offset::after_transaction(0)) {
  auto page = shape.log().read(after);
  if (!page) return "unreadable";
  std::string out;
  for (const Buffer& buffer : page->buffers) out += buffer.bytes();
  return out;
}

}  // namespace sluice::origin::embedded
