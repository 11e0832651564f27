#include "origin/embedded/registry.h"

#include <algorithm>
#include <utility>

#include "origin/embedded/spec_codec.h"

namespace sluice::origin::embedded {

std::shared_ptr<Shape> Registry::find(std::string_view definition) const {
  std::lock_guard lock(mutex_);
  auto found = by_definition_.find(definition);
  return found == by_definition_.end() ? nullptr : found->second;
}

Registry::Inserted Registry::find_or_create(std::string_view definition, std::shared_ptr<const ShapeSpec> spec) {
  std::lock_guard lock(mutex_);
  auto [place, created] = by_identity_.try_emplace(spec->identity);
  Entry& entry = place->second;
  if (created) {
    std::string handle = make_handle();
    auto log = store_.create(handle, encode_spec(definition, *spec));
    entry.shape = std::make_shared<Shape>(std::move(handle), std::move(spec), std::move(log));
    entry.shape->touch(std::chrono::steady_clock::now());
  }
  if (entry.spellings.size() < kSpellingsMax && by_definition_.try_emplace(std::string(definition), entry.shape).second) {
    entry.spellings.emplace_back(definition);
  }
  return {entry.shape, created};
}

std::shared_ptr<Shape> Registry::restore(std::string_view definition, std::shared_ptr<const ShapeSpec> spec,
                                         std::string handle, std::shared_ptr<store::ShapeLog> log) {
  std::lock_guard lock(mutex_);
  auto [place, created] = by_identity_.try_emplace(spec->identity);
  if (!created) {
    store_.drop(handle);
    return nullptr;
  }
  auto shape = std::make_shared<Shape>(std::move(handle), std::move(spec), std::move(log));
  shape->touch(std::chrono::steady_clock::now());
  shape->set_ready();
  place->second.shape = shape;
  if (by_definition_.try_emplace(std::string(definition), shape).second) place->second.spellings.emplace_back(definition);
  return shape;
}

void Registry::drop(const std::shared_ptr<Shape>& shape, std::optional<Failure> why) {
  {
    std::lock_guard lock(mutex_);
    auto entry = by_identity_.find(shape->spec().identity);
    if (entry != by_identity_.end() && entry->second.shape == shape) {
      for (const std::string& spelling : entry->second.spellings) by_definition_.erase(spelling);
      by_identity_.erase(entry);
      store_.drop(shape->handle());
    }
  }
  shape->set_dropped(std::move(why));
}

std::size_t Registry::size() const {
  std::lock_guard lock(mutex_);
  return by_identity_.size();
}

std::vector<std::shared_ptr<Shape>> Registry::all() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Shape>> shapes;
  shapes.reserve(by_identity_.size());
  for (const auto& [identity, entry] : by_identity_) shapes.push_back(entry.shape);
  return shapes;
}

std::vector<std::shared_ptr<Shape>> Registry::least_used(std::size_t count) const {
  auto shapes = all();
  std::erase_if(shapes, [](const auto& shape) { return shape->phase() != Phase::kReady || shape->waiters().size() > 0; });
  count = std::min(count, shapes.size());
  std::partial_sort(shapes.begin(), shapes.begin() + static_cast<std::ptrdiff_t>(count), shapes.end(),
                    [](const auto& a, const auto& b) { return a->used_at() < b->used_at(); });
  shapes.resize(count);
  return shapes;
}

}  // namespace sluice::origin::embedded
