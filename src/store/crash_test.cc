// Random schedules of everything that a store does, on files that forget, against a model that is slow and obvious: after
// each crash the store holds exactly what some commit left, not before what it had called durable, with the same bytes in
// the same chunks. SLUICE_CRASH_SEEDS says how many schedules (300).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/log.h"
#include "store/forgetful_files.h"
#include "store/test_folder.h"

namespace sluice::store {
namespace {

using shape::Offset;

struct Change {
  std::uint64_t commit;  // 0: not committed yet
  std::uint64_t tx;
  std::uint64_t op;
  std::string entry;
  bool ended;
};

struct ModelLog {
  std::vector<std::string> snapshot;
  bool finished = false;
  bool dropped = false;
  bool must_be_there = false;  // its snapshot is durable
  bool must_be_gone = false;
  std::vector<Change> changes;
};

struct ModelCommit {
  Lsn lsn;
  std::string note;
  std::string state;
};

// The chunks of these entries, the last perhaps not closed.
std::vector<std::string> cut(const std::vector<std::string>& entries, std::size_t chunk_bytes) {
  std::vector<std::string> chunks;
  bool open = false;
  for (const std::string& entry : entries) {
    if (!open) chunks.emplace_back();
    chunks.back() += entry;
    open = chunks.back().size() < chunk_bytes;
  }
  return chunks;
}

class Schedule {
 public:
  Schedule(std::uint64_t seed, bool faults) : files_(seed), random_(seed + 1), faults_(faults) {}

  void run() {
    (void)files_.make_folder("data");
    open();
    for (int life = 0; life < 4 && !testing::Test::HasFailure(); ++life) {
      const std::size_t steps = 5 + below(60);
      for (std::size_t i = 0; i < steps; ++i) {
        step();
        if (faults_) drop_failed();
      }
      check_live();
      if (faults_) recover_room();
      crash();
    }
  }

 private:
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }

  void open() {
    chunk_bytes_ = 30 + below(200);
    store_ = open_test_store(
        "data/store",
        [this](DiskStoreOptions& options) {
          options.threads = false;
          options.chunk_bytes = first_chunk_bytes_ == 0 ? first_chunk_bytes_ = chunk_bytes_ : first_chunk_bytes_;
          options.tail_bytes_max = below(3) * 2000;
          options.uncommitted_bytes_max = 50 + below(1000);
          options.all_uncommitted_bytes_max = 500 + below(3000);
          options.inline_bytes_max = below(300);
          options.open_files_max = 1 + below(4);
          options.checkpoint_bytes = 1u << 30;
        },
        files_);
  }

  void step() {
    switch (below(faults_ ? 16 : 14)) {
      case 14: files_.set_room(static_cast<std::int64_t>(below(3000))); break;
      case 15: fail_sync(); break;
      case 0: create(); break;
      case 1: drop(); break;
      case 2: checkpoint(); break;
      case 3: flush(); break;
      case 4: store_->keep_house(); break;
      case 5: snapshot(); break;
      case 6: abort(); break;
      case 7:
      case 8: commit(); break;
      case 9: end(); break;
      default: append(); break;
    }
  }

  std::string random_handle() {
    if (held_.empty()) create();
    auto at = held_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(below(held_.size())));
    return at->first;
  }

  void create() {
    const std::string handle = "log" + std::to_string(++handles_);
    held_[handle] = store_->create(handle, "meta of " + handle);
    model_[handle];
    snapshot_of(handle);
  }

  void snapshot() { snapshot_of(random_handle()); }
  void snapshot_of(const std::string& handle) {
    ModelLog& model = model_[handle];
    if (model.finished) return;
    for (std::size_t i = below(6); i > 0; --i) {
      model.snapshot.push_back("row " + std::string(below(60), 'r') + ",\n");
      held_[handle]->append_snapshot(model.snapshot.back());
    }
    if (below(3) == 0) return;
    held_[handle]->finish_snapshot();
    model.finished = true;
  }

  void drop() {
    if (below(3) != 0) return;
    const std::string handle = random_handle();
    store_->drop(handle);
    model_[handle].dropped = true;
    held_.erase(handle);
  }

  void append() {
    const std::string handle = random_handle();
    ModelLog& model = model_[handle];
    const std::size_t count = 1 + below(below(10) == 0 ? 80 : 4);
    if (below(3) == 0) ++tx_;
    for (std::size_t i = 0; i < count; ++i) {
      const Offset at = Offset::at(tx_, ++op_);
      model.changes.push_back(
          {0, tx_, op_, test_entry(at, std::string(below(80), static_cast<char>('a' + op_ % 26))), false});
      held_[handle]->append(at, model.changes.back().entry);
    }
  }

  void end() {
    const std::string handle = random_handle();
    held_[handle]->end_transaction();
    for (Change& change : model_[handle].changes) change.ended = true;
  }

  void abort() {
    const std::string handle = random_handle();
    held_[handle]->abort_transaction();
    std::erase_if(model_[handle].changes, [](const Change& change) { return !change.ended; });
  }

  void commit() {
    ModelCommit commit{commits_.empty() ? 100 : commits_.back().lsn + 1, "n" + std::to_string(commits_.size()) + ";",
                       commits_.empty() ? "" : commits_.back().state};
    if (below(5) == 0) {
      commit.state = "state" + std::to_string(commits_.size());
      store_->set_state(commit.state);
    }
    commits_.push_back(commit);
    store_->commit(commit.lsn, commit.note);
    for (auto& [handle, model] : model_) {
      for (Change& change : model.changes) {
        if (change.commit == 0 && change.ended) change.commit = commits_.size();
      }
    }
  }

  void checkpoint() {
    const auto done = store_->checkpoint();
    if (!faults_) ASSERT_TRUE(done);
  }

  void fail_sync() {
    files_.set_unlimited();
    files_.fail_syncs(static_cast<std::int64_t>(below(5)), static_cast<std::int64_t>(below(2)));
  }

  // As their owner would.
  void drop_failed() {
    std::vector<std::string> failed;
    for (const auto& [handle, log] : held_) {
      if (log->failed()) failed.push_back(handle);
    }
    for (const std::string& handle : failed) {
      store_->drop(handle);
      model_[handle].dropped = true;
      held_.erase(handle);
    }
  }

  void flush() {
    const bool done = store_->flush();
    drop_failed();
    if (!done && faults_) return;
    ASSERT_TRUE(done);
    if (!commits_.empty()) ASSERT_EQ(store_->durable_lsn(), commits_.back().lsn);
    for (auto& [handle, model] : model_) {
      model.must_be_there = model.must_be_there || model.finished;
      model.must_be_gone = model.dropped;
    }
  }

  // With room again, everything becomes durable again.
  void recover_room() {
    files_.set_unlimited();
    files_.fail_syncs(0, 0);
    if (below(2) == 0) return;
    store_->keep_house();
    flush();
    ASSERT_TRUE(store_->writable());
    check_live();
  }

  // What a reader gets who reads on from page to page, each as it is cut.
  static std::vector<std::string> pages(const ShapeLog& log, Offset at) {
    std::vector<std::string> out;
    while (true) {
      auto page = log.read(at);
      if (!page) return {"error " + std::to_string(static_cast<int>(page.error()))};
      if (!page->buffers.empty()) out.push_back(text(*page));
      at = page->end;
      if (page->at_head) return out;
    }
  }

  std::vector<std::string> expected_changes(const ModelLog& model) const {
    std::vector<std::string> entries;
    for (const Change& change : model.changes) {
      if (change.commit != 0) entries.push_back(change.entry);
    }
    return cut(entries, first_chunk_bytes_);
  }

  void check_log(const std::string& handle, const ShapeLog& log) {
    const ModelLog& model = model_[handle];
    std::vector<std::string> expected = cut(model.snapshot, first_chunk_bytes_);
    const std::vector<std::string> changes = expected_changes(model);
    expected.insert(expected.end(), changes.begin(), changes.end());
    ASSERT_EQ(pages(log, Offset::before_all()), expected) << handle;
    // From any entry on, up to the end of the same chunk.
    if (model.changes.empty()) return;
    const Change& from = model.changes[below(model.changes.size())];
    if (from.commit == 0) return;
    const auto page = log.read(Offset::at(from.tx, from.op));
    ASSERT_TRUE(page);
    std::string rest;
    for (const std::string& chunk : changes) {
      const std::size_t found = chunk.find(from.entry);
      if (found == std::string::npos) continue;
      rest = chunk.substr(found + from.entry.size());
      if (rest.empty() && &chunk != &changes.back()) rest = *(&chunk + 1);
    }
    ASSERT_EQ(text(*page), rest) << handle;
  }

  void check_live() {
    for (const auto& [handle, log] : held_) {
      if (model_[handle].finished) check_log(handle, *log);
    }
  }

  void crash() {
    const Lsn durable = store_->durable_lsn();
    held_.clear();
    store_.reset();
    files_.set_unlimited();
    files_.fail_syncs(0, 0);
    files_.crash();
    open();
    for (const std::string& damage : store_->damage()) ASSERT_TRUE(was_dropped(damage)) << damage;
    auto recovered = store_->take_recovered();
    ASSERT_GE(recovered.lsn, durable);
    forget_after(recovered.lsn);
    ASSERT_EQ(commits_.empty() ? 0 : commits_.back().lsn, recovered.lsn);
    ASSERT_EQ(commits_.empty() ? "" : commits_.back().state, recovered.state);
    std::string notes;
    for (const ModelCommit& commit : commits_) notes += commit.note;
    ASSERT_EQ(notes, recovered.notes);
    std::string before;
    for (auto& log : recovered.logs) {
      ASSERT_TRUE(model_.contains(log.handle));
      const ModelLog& model = model_[log.handle];
      ASSERT_TRUE(model.finished && !model.must_be_gone) << log.handle;
      ASSERT_EQ(log.meta, "meta of " + log.handle);
      check_log(log.handle, *log.log);
      held_[log.handle] = log.log;
    }
    for (const auto& [handle, model] : model_) {
      if (model.must_be_there && !model.dropped) ASSERT_TRUE(held_.contains(handle)) << handle;
    }
    std::erase_if(model_, [this](const auto& log) { return !held_.contains(log.first); });
    for (auto& [handle, model] : model_) {
      model.dropped = false;
      model.must_be_there = true;
    }
  }

  // With a full disk a dropped log's files go before its drop is durable, to make room; then it may be found without them.
  bool was_dropped(const std::string& damage) {
    const std::size_t end = damage.find(": its files are missing");
    return faults_ && damage.starts_with("log ") && end != std::string::npos && model_[damage.substr(4, end - 4)].dropped;
  }

  void forget_after(Lsn lsn) {
    while (!commits_.empty() && commits_.back().lsn > lsn) commits_.pop_back();
    for (auto& [handle, model] : model_) {
      std::erase_if(model.changes, [this](const Change& c) { return c.commit == 0 || c.commit > commits_.size(); });
    }
  }

  ForgetfulFiles files_;
  std::mt19937_64 random_;
  const bool faults_;
  std::size_t chunk_bytes_ = 0;
  std::size_t first_chunk_bytes_ = 0;
  std::unique_ptr<DiskStore> store_;
  std::map<std::string, std::shared_ptr<ShapeLog>> held_;
  std::map<std::string, ModelLog> model_;
  std::vector<ModelCommit> commits_;
  std::size_t handles_ = 0;
  std::uint64_t tx_ = 1;
  std::uint64_t op_ = 0;
};

std::uint64_t number(const char* variable, std::uint64_t otherwise) {
  const char* value = std::getenv(variable);
  return value != nullptr ? std::strtoull(value, nullptr, 10) : otherwise;
}

class StoreCrash : public testing::Test {
 protected:
  void run(bool faults) {
    const std::uint64_t from = number("SLUICE_CRASH_FIRST", 0);
    const std::uint64_t seeds = number("SLUICE_CRASH_SEEDS", 300);
    for (std::uint64_t seed = from; seed < from + seeds; ++seed) {
      Schedule(seed, faults).run();
      ASSERT_FALSE(HasFailure()) << "seed " << seed;
    }
  }
};

TEST_F(StoreCrash, HoldsWhatSomeCommitLeftWhateverIsForgotten) {
  run(false);
}

TEST_F(StoreCrash, TheSameWhereTheDiskRunsFullAndSyncsFail) {
  log::set_level(log::Level::kOff);
  run(true);
  log::set_level(log::Level::kInfo);
}

}  // namespace
}  // namespace sluice::store
