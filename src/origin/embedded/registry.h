// The shapes there are, by what asks for them.
//
// A shape is found by the canonical text of a definition; several texts may lead to one shape (same identity, see
// resolve.h). A handle belongs to one shape and is never given out again. Any thread; one short lock.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "origin/embedded/shape.h"
#include "store/shape_log.h"

namespace sluice::origin::embedded {

// Spellings remembered for each shape; further ones are resolved against the catalog each time they come.
inline constexpr std::size_t kSpellingsMax = 64;

class Registry {
 public:
  explicit Registry(store::LogStore& store) : store_(store) {}

  // Null where no shape is known by that text.
  std::shared_ptr<Shape> find(std::string_view definition) const;

  struct Inserted {
    std::shared_ptr<Shape> shape;
    bool created;
  };
  // The shape of spec->identity, made where there is none, and from now on found by `definition`.
  Inserted find_or_create(std::string_view definition, std::shared_ptr<const ShapeSpec> spec);

  // A shape of an earlier process with its log, whole: ready at once. Null, and the log is given up, where one of the same
  // identity is here already.
  std::shared_ptr<Shape> restore(std::string_view definition, std::shared_ptr<const ShapeSpec> spec, std::string handle,
                                 std::shared_ptr<store::ShapeLog> log);

  // The shape is found no longer and its log is given up; it is dropped for `why`. Nothing where that was done already.
  void drop(const std::shared_ptr<Shape>& shape, std::optional<Failure> why = std::nullopt);

  std::size_t size() const;
  std::vector<std::shared_ptr<Shape>> all() const;
  // Ready shapes that nobody waits for, the longest unused first, at most `count`.
  std::vector<std::shared_ptr<Shape>> least_used(std::size_t count) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  struct Entry {
    std::shared_ptr<Shape> shape;
    std::vector<std::string> spellings;
  };

  store::LogStore& store_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<Shape>, Hash, std::equal_to<>> by_definition_;
  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> by_identity_;
};

}  // namespace sluice::origin::embedded
