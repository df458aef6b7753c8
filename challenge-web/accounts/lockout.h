#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

namespace stepgate::challenge_web::accounts
{

/// Wrong passwords make the next try wait, twice as long each time: for the user from this address, for everything from
/// this address, and (so that many addresses do not help) for the user from addresses where they never got in. One for
/// the web and the listeners together. An address is its host's (`host_of`). Nothing in it says whether a user exists.
/// Thread-safe; no clock.
class Lockout
{
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    struct Limits {
        int of_pair = 5, of_address = 30, of_user = 30; // wrong tries that are free
        std::chrono::seconds first{1}, longest{300};    // the first wait, and the longest
        std::chrono::seconds forgotten{900};            // after so long without a wrong try all are free again
        std::size_t most = 100'000;                     // that are remembered of each kind
    };
    Lockout() : Lockout(Limits{}) {}
    explicit Lockout(Limits limits) : limits_(limits) {}

    /// How long this try has to wait, in whole seconds; nullopt: it may be made. "" as user: nobody in particular.
    [[nodiscard]] std::optional<std::chrono::seconds> wait(const std::string& user, const std::string& address,
                                                           TimePoint now);
    /// Who hears that somebody has to wait from now on: the user and address of the try, on its thread; must not block.
    /// Once, before the first try.
    void observe(std::function<void(const std::string& user, const std::string& address)> observer);
    void failed(const std::string& user, const std::string& address, TimePoint now);
    /// The user got in: what they got wrong from here counts no more, and this address is one of theirs.
    void succeeded(const std::string& user, const std::string& address, TimePoint now);
    /// This address is one of theirs.
    [[nodiscard]] bool knows(const std::string& user, const std::string& address) const;

  private:
    struct Count {
        int wrong = 0;
        TimePoint last{}, until{};
    };
    using Counts = std::unordered_map<std::string, Count>;

    [[nodiscard]] std::optional<std::chrono::seconds> wait_of(const Counts& counts, const std::string& key,
                                                              TimePoint now) const;
    /// True: from this one on there is a wait.
    bool count(Counts& counts, const std::string& key, int free, TimePoint now);
    void make_room(Counts& counts, TimePoint now);

    const Limits limits_;
    mutable std::mutex mutex_;
    Counts pairs_, addresses_, users_;
    std::function<void(const std::string&, const std::string&)> observer_;
    TimePoint swept_{};
    std::set<std::pair<std::string, std::string>> known_; // where users got in
};

} // namespace stepgate::challenge_web::accounts
