// Where the keys of one issuer come from, as they are at this moment: fixed by the configuration, or fetched from the
// issuer and fetched again.
//
// Any thread. A set that was handed out never changes; a new one takes its place.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/task.h"
#include "token/key.h"

namespace sluice::identity {

struct KeySet {
  std::vector<token::Key> keys;
  // Rises with each set of the same source that differs from the one before it: what was verified under an older
  // revision has to be verified again.
  std::uint64_t revision = 0;
};

class KeySource {
 public:
  virtual ~KeySource() = default;

  // Never null. Empty until there has been a first success.
  virtual std::shared_ptr<const KeySet> keys() const = 0;

  // Of keys(), for less.
  virtual std::uint64_t revision() const { return keys()->revision; }

  // A token named a key that is not in the set. Returns an empty Task where asking again will not be done now (fixed keys;
  // asked within the last interval; this name was not there the last time), else a Task that ends when the fetch under way
  // has, well or not: one fetch, however many wait for it (SECURITY J27).
  virtual Task<void> look_again(std::string key_id) = 0;

  // False until there are keys: /readyz.
  virtual bool ready() const = 0;
};

class FixedKeys final : public KeySource {
 public:
  explicit FixedKeys(std::vector<token::Key> keys) : keys_(std::make_shared<const KeySet>(KeySet{std::move(keys), 0})) {}
  std::shared_ptr<const KeySet> keys() const override { return keys_; }
  std::uint64_t revision() const override { return keys_->revision; }
  Task<void> look_again(std::string) override { return {}; }
  bool ready() const override { return true; }

 private:
  std::shared_ptr<const KeySet> keys_;
};

}  // namespace sluice::identity
