// Revocations that are kept nowhere.
#include "gatekeeper/revocation_text.h"
#include "gatekeeper/revocations.h"

namespace sluice::gatekeeper {
namespace {

class MemoryRevocations final : public RevocationStore {
 public:
  explicit MemoryRevocations(Revocations& revocations) : revocations_(revocations) {}

  void start() override {}
  void stop() override {}
  bool connected() const override { return true; }

  std::expected<void, std::string> add(const Revocation& revocation) override {
    return put_in_force(revocation, revocations_);
  }

 private:
  Revocations& revocations_;
};

}  // namespace

std::unique_ptr<RevocationStore> memory_revocations(Revocations& revocations) {
  return std::make_unique<MemoryRevocations>(revocations);
}

}  // namespace sluice::gatekeeper
