#pragma once

#include "policies/statement/facts.h"

#include <atomic>
#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace stepgate::proxy::session
{

/// Labelled reads that a server named in the results of texts that did not show them, so that the same texts are judged
/// with them from then on, whoever sends them. Thread-safe; costs nothing while nothing was learned. Forgets all when
/// it is full: then they are found out again.
class LearnedReads
{
  public:
    using Reads = std::vector<policies::statement::TableAccess>;

    void learn(const std::string& text, const Reads& reads)
    {
        const std::lock_guard lock{mutex_};
        if (by_text_.size() >= most)
            by_text_.clear();
        by_text_[text] = reads;
        any_.store(true, std::memory_order_release);
    }
    [[nodiscard]] bool any() const { return any_.load(std::memory_order_acquire); }
    /// Empty: none.
    [[nodiscard]] Reads find(const std::string& text) const
    {
        const std::lock_guard lock{mutex_};
        const auto known = by_text_.find(text);
        return known == by_text_.end() ? Reads{} : known->second;
    }

  private:
    static constexpr std::size_t most = 1000;

    mutable std::mutex mutex_;
    std::map<std::string, Reads> by_text_;
    std::atomic<bool> any_ = false;
};

} // namespace stepgate::proxy::session
