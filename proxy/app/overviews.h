#pragma once

#include "challenge-web/server/ports.h"
#include "policies/rules/policy.h"
#include "proxy/audit/lookback.h"

#include <filesystem>
#include <memory>
#include <mutex>

namespace stepgate::proxy::app
{

/// The history and the policy page's view of proxy/audit and of the rules in force. The index is opened when it is
/// first asked for, since the feeder makes it.
class Overviews final : public challenge_web::server::Overviews
{
  public:
    explicit Overviews(std::filesystem::path directory) : directory_(std::move(directory)) {}

    /// From now on this policy is in force.
    void loaded(std::shared_ptr<const policies::rules::Policy> policy, audit::TimePoint at);

    std::optional<std::string> history(const challenge_web::server::HistoryQuery& query) override;
    std::optional<std::string> policy(challenge_web::server::TimePoint now) override;

  private:
    [[nodiscard]] audit::Lookback* index();

    std::filesystem::path directory_;
    std::mutex mutex_; // guards the rest
    std::unique_ptr<audit::Lookback> index_;
    std::shared_ptr<const policies::rules::Policy> policy_;
    audit::TimePoint loaded_{};
};

} // namespace stepgate::proxy::app
