// Recovery of a folder whose write-ahead log and checkpoint are any bytes at all: it must open, read, be written to, and
// find the same again.
//
// The input is frames' bodies, so that checksums do not keep the fuzzer out: for each two bytes of length, of which the
// highest bit says which of the two files it goes to and the next that its checksum is wrong. A first byte of 0 gives the
// rest as it is.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/log.h"
#include "store/crc32c.h"
#include "store/forgetful_files.h"
#include "store/test_folder.h"

namespace {

using namespace sluice;
using namespace sluice::store;

constexpr std::string_view kFolder = "data";

void put_fixed(std::string& out, std::uint32_t number) {
  for (int i = 0; i < 4; ++i) out += static_cast<char>(number >> (8 * i) & 0xff);
}

void write(ForgetfulFiles& files, const std::string& path, std::string_view bytes) {
  auto file = files.open(path, OpenMode::kWrite);
  if (!file || !(*file)->write_at(0, bytes) || !(*file)->sync()) std::abort();
}

void write_files(ForgetfulFiles& files, std::string_view input) {
  std::string wal = encode_file_header(FileKind::kWal, 1);
  std::string checkpoint = encode_file_header(FileKind::kCheckpoint, 1);
  const bool raw = !input.empty() && input.front() == 0;
  input.remove_prefix(input.empty() ? 0 : 1);
  while (!raw && input.size() >= 2) {
    const auto high = static_cast<unsigned char>(input[1]);
    const std::size_t length = static_cast<unsigned char>(input[0]) | (high & 0x3fu) << 8;
    const std::string_view body = input.substr(2, length);
    input.remove_prefix(2 + body.size());
    std::string& out = (high & 0x80) != 0 ? checkpoint : wal;
    put_fixed(out, static_cast<std::uint32_t>(body.size()));
    put_fixed(out, crc32c(body) + ((high & 0x40) != 0 ? 1 : 0));
    out += body;
  }
  if (raw) wal += input;
  const std::string folder(kFolder);
  write(files, folder + "/" + wal_name(1), wal);
  if (checkpoint.size() > kFileHeaderBytes) write(files, folder + "/" + checkpoint_name(1), checkpoint);
  // Some logs have files.
  for (const char* name : {"/logs/01/0000000000000001.snapshot", "/logs/01/0000000000000001.changes"}) {
    write(files, folder + name, "one@1_0,\ntwo@1_1,\nthree@2_0,\n");
  }
}

std::string read_all(const ShapeLog& log) {
  std::string out;
  shape::Offset at = shape::Offset::before_all();
  for (int pages = 0; pages < 1000; ++pages) {
    auto page = log.read(at);
    if (!page) return out + "error";
    out += text(*page);
    if (page->at_head) return out;
    at = page->end;
  }
  return out;
}

std::unique_ptr<DiskStore> open(ForgetfulFiles& files) {
  return open_test_store(std::string(kFolder), [](DiskStoreOptions& options) { options.threads = false; }, files);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  log::set_level(log::Level::kOff);
  ForgetfulFiles files(1);
  (void)files.make_folder(std::string(kFolder));
  (void)files.make_folder(std::string(kFolder) + "/logs");
  (void)files.make_folder(std::string(kFolder) + "/logs/01");
  write_files(files, {reinterpret_cast<const char*>(data), size});

  std::string before;
  {
    auto store = open(files);
    auto recovered = store->take_recovered();
    auto log = store->create("a handle that is new", "meta");
    log->append_snapshot("row,\n");
    log->finish_snapshot();
    log->append(shape::Offset::at(1, 1), "entry@1_1,\n");
    log->end_transaction();
    store->commit(recovered.lsn, "note");
    if (!store->checkpoint() || !store->flush()) std::abort();
    for (const auto& one : recovered.logs) before += one.handle + read_all(*one.log);
    before += "a handle that is new" + read_all(*log);
  }
  auto store = open(files);
  if (!store->damage().empty()) std::abort();
  std::string after;
  for (const auto& one : store->take_recovered().logs) after += one.handle + read_all(*one.log);
  if (before != after) std::abort();
  return 0;
}
