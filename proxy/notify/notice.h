#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stepgate::proxy::notify
{

using TimePoint = std::chrono::system_clock::time_point;

/// What people are told of.
enum class Event : std::uint8_t {
    challenge_opened,
    challenge_decided,    // approved, denied, expired, withdrawn or cancelled
    escalated,            // another group may approve as well
    second_person_needed, // a challenge was opened that somebody else has to approve
    lockout,              // wrong passwords make a user or an address wait, or wrong answers lock a factor
    user_changed,
    policy_changed,
    test, // asked for on the command line; no subscription
};
/// Those that can be subscribed to, by the name that configuration and messages have for them.
inline constexpr auto event_names = std::to_array<std::pair<std::string_view, Event>>({
    {"challenge_opened", Event::challenge_opened},
    {"challenge_decided", Event::challenge_decided},
    {"escalated", Event::escalated},
    {"second_person_needed", Event::second_person_needed},
    {"lockout", Event::lockout},
    {"user_changed", Event::user_changed},
    {"policy_changed", Event::policy_changed},
});
[[nodiscard]] std::string_view to_string(Event event);

/// What happened, in words that may leave the house: whoever makes one sees to it that nothing in it is a literal of a
/// statement, a parameter's value, a comment or what a person wrote, and that every text is readable UTF-8. What does
/// not belong to the event is empty.
struct Notice {
    Event event{};
    TimePoint at{};
    std::string challenge, code, url;    // where to look, where it is a challenge
    std::string outcome;                 // of a decision: "approved", "denied", "expired", "withdrawn", "cancelled"
    std::string by;                      // who said no, or changed the user
    std::string user;                    // who asks, or is changed, or has to wait
    std::string listener, database;      //
    std::vector<std::string> statements; // their shapes
    std::vector<std::string> rules, labels;
    int level = 0;
    int approvals = 0;    // of other people
    std::string group;    // theirs
    std::string address;  // who has to wait
    std::string factor;   // that is locked
    std::string change;   // of the user
    std::string revision; // of the policy
};

[[nodiscard]] bool about_challenge(Event event);

/// One line: "Approval needed: ada on shop".
[[nodiscard]] std::string title(const Notice& notice);

/// The rest for people, "User" and "ada", without the statements; nothing that is empty.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> particulars(const Notice& notice);

} // namespace stepgate::proxy::notify
