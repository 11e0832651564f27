#include "store/disk_store.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/log.h"
#include "store/format.h"

namespace sluice::store {
namespace {

// How long a failed write waits until it is tried again, and a writer until it looks whether there is room.
constexpr std::chrono::milliseconds kRetryEvery{100};
// Lines about damage that are logged.
constexpr std::size_t kDamageLinesMax = 20;

}  // namespace

std::expected<std::unique_ptr<DiskStore>, StoreError> DiskStore::open(DiskStoreOptions options, FileLayer& files) {
  const auto io = [](const FileError& error) { return std::unexpected(StoreError{StoreError::Kind::kIo, error.message}); };
  if (auto made = files.make_folder(options.folder); !made) return io(made.error());
  auto lock = files.lock(options.folder + "/LOCK");
  if (!lock) {
    if (lock.error().code != EWOULDBLOCK) return io(lock.error());
    return std::unexpected(StoreError{StoreError::Kind::kInUse, options.folder + " is in use by another process"});
  }
  auto context = std::make_shared<LogContext>(files, options.folder, options.open_files_max, options.kept_page_bytes_max);
  context->offset_of = options.offset_of;
  context->uncommitted_bytes_max = options.uncommitted_bytes_max;
  context->all_uncommitted_bytes_max = options.all_uncommitted_bytes_max;
  if (auto prepared = context->files.prepare(); !prepared) return io(prepared.error());
  auto recovered = recover(context);
  if (!recovered) return std::unexpected(std::move(recovered.error()));
  const bool damaged = !recovered->damage.empty();
  std::unique_ptr<DiskStore> store(
      new DiskStore(std::move(options), std::move(context), std::move(*lock), std::move(*recovered)));
  // What is damaged must not be read again with what comes from now on behind it.
  if (damaged) {
    if (auto done = store->checkpoint(); !done) return io(done.error());
  }
  store->start_threads();
  return store;
}

DiskStore::DiskStore(DiskStoreOptions options, std::shared_ptr<LogContext> context, std::unique_ptr<FileLayer::Lock> lock,
                     RecoveredStore recovered)
    : options_(std::move(options)),
      context_(std::move(context)),
      lock_(std::move(lock)),
      damage_(std::move(recovered.damage)),
      recovered_(std::in_place),
      next_id_(recovered.next_id),
      wal_(context_->files.layer(), context_->files.root(), recovered.next_segment),
      commit_number_(recovered.commit_number),
      state_(recovered.state),
      notes_(std::move(recovered.notes)),
      committed_(recovered.lsn) {
  context_->owner = this;
  wal_.set_durable_lsn(recovered.lsn);
  recovered_->lsn = recovered.lsn;
  recovered_->state = std::move(recovered.state);
  recovered_->notes = notes_.all();
  for (const auto& [id, log] : recovered.logs) {
    recovered_->logs.push_back({log->handle(), log->meta(), log});
    logs_.emplace(log->handle(), log);
  }
  for (std::uint64_t id : recovered.orphans) garbage_.push_back({id, 0});
  for (std::size_t i = 0; i < std::min(damage_.size(), kDamageLinesMax); ++i) {
    log::write(log::Level::kError, "store_damaged", {{"folder", options_.folder}, {"what", damage_[i]}});
  }
}

DiskStore::~DiskStore() {
  stop_waiting();
  stopping_ = true;
  wal_.wake();
  wake_house();
  if (wal_thread_.joinable()) wal_thread_.join();
  if (house_thread_.joinable()) house_thread_.join();
  if (options_.threads && flush() && wal_.appended() != checkpoint_position_) (void)checkpoint();
  {
    std::lock_guard lock(context_->owner_mutex);
    context_->owner = nullptr;
  }
  context_->touched.clear();
}

// Logs.

std::shared_ptr<ShapeLog> DiskStore::create(std::string_view handle, std::string_view meta) {
  std::shared_ptr<DiskLog> log;
  {
    std::lock_guard lock(logs_mutex_);
    log = std::make_shared<DiskLog>(context_, next_id_++, options_.chunk_bytes, handle, meta);
    logs_.emplace(log->handle(), log);
  }
  // After it is among the logs: a checkpoint between the two has it, and reading the record again does nothing.
  std::string record;
  encode(record, CreateRecord{log->id(), options_.chunk_bytes, handle, meta});
  wal_.append(record);
  return log;
}

void DiskStore::drop(std::string_view handle) {
  std::shared_ptr<DiskLog> log;
  {
    std::lock_guard lock(logs_mutex_);
    const auto found = logs_.find(handle);
    if (found == logs_.end()) return;
    log = std::move(found->second);
    logs_.erase(found);
  }
  // After it is no longer among the logs: a checkpoint that still has it is followed by the record.
  std::string record;
  encode(record, DropRecord{log->id()});
  wal_.append(record);
  log->drop();
}

DiskStore::Recovered DiskStore::take_recovered() {
  return std::exchange(recovered_, std::nullopt).value_or(Recovered{});
}

std::vector<std::shared_ptr<DiskLog>> DiskStore::all_logs() const {
  std::vector<std::shared_ptr<DiskLog>> logs;
  {
    std::lock_guard lock(logs_mutex_);
    logs.reserve(logs_.size());
    for (const auto& [handle, log] : logs_) logs.push_back(log);
  }
  std::sort(logs.begin(), logs.end(), [](const auto& a, const auto& b) { return a->id() < b->id(); });
  return logs;
}

// Commits.

void DiskStore::commit(Lsn lsn, std::string_view note) {
  if (options_.threads) wal_.wait_for_room([this] { return not_waiting_.load(); });
  auto commit = wal_.begin_commit();
  ++commit_number_;
  auto& touched = context_->touched;
  std::erase_if(touched, [&](const auto& log) { return !log->commit(commit, commit_number_); });
  CommitRecord record{.number = commit_number_, .lsn = lsn, .note = note};
  if (next_state_) {
    state_ = std::move(*next_state_);
    next_state_.reset();
    record.state = state_;
  }
  notes_.add(note);
  encode(commit.out(), record);
  committed_.store(lsn, std::memory_order_release);
  commit.end(lsn);
  if (context_->tail_bytes.load(std::memory_order_relaxed) > options_.tail_bytes_max || checkpoint_due()) wake_house();
}

void DiskStore::stop_waiting() {
  not_waiting_ = true;
  wal_.wake();
}

bool DiskStore::wait_for_disk() {
  if (!options_.threads || not_waiting_) return false;
  std::this_thread::sleep_for(kRetryEvery);
  return !not_waiting_;
}

void DiskStore::write_failed(const FileError& error) {
  if (!failing_.exchange(true)) {
    log::write(log::Level::kError, "store_write_failed", {{"error", error.message}});
  }
  wake_house();
}

// The thread of the write-ahead log.

void DiskStore::start_threads() {
  if (!options_.threads) return;
  wal_thread_ = std::thread([this] { run_wal(); });
  house_thread_ = std::thread([this] { run_house(); });
}

void DiskStore::run_wal() {
  while (true) {
    wal_.wait_for_work([this] { return stopping_.load(); });
    if (stopping_) return;
    const bool written = write_wal();
    std::this_thread::sleep_for(written ? options_.sync_every : kRetryEvery);
  }
}

bool DiskStore::write_wal() {
  const auto written = wal_.write_pending();
  if (!written && !wal_failing_.exchange(true)) {
    log::write(log::Level::kError, "store_write_failed", {{"error", written.error().message}});
    wal_.wake();  // who waits for it gives up: house has to be kept for there to be room again
  }
  if (written && wal_failing_.exchange(false)) log::write(log::Level::kInfo, "store_writes_again", {});
  return written.has_value();
}

bool DiskStore::flush() {
  if (!options_.threads || stopping_) {
    record_finished();
    return write_wal() && finished_.empty();
  }
  {
    std::lock_guard keeping(keeping_);
    record_finished();
  }
  return wal_.wait_durable(wal_.appended(), [this] { return !writable() || stopping_; });
}

}  // namespace sluice::store
