#pragma once

#include "policies/statement/facts.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stepgate::policies::postgres
{

/// The settings under which a text may touch other rows than under those that the session began with: what dates mean,
/// whose rows row security shows, where names are looked up, what current_setting() answers. Facts do not hang on them;
/// what somebody approved does. A plain value: `SessionState` owns it and tells it what took place.
class SessionSettings
{
  public:
    using Given = std::vector<std::pair<std::string, std::string>>;
    struct InForce {
        std::string name;
        std::optional<std::string> value; // nullopt: only the server knows
        std::uint64_t change = 0;         // no other change of the session has this number
        bool operator==(const InForce&) const = default;
    };

    SessionSettings() = default;
    /// What the client asked for at the start; RESET goes back to it.
    explicit SessionSettings(const Given& start);

    void set(const statement::SetParameter& parameter);
    void reset_all();
    void discard_all();
    /// Which of the changes of the open transaction ROLLBACK TO takes back is known to the server.
    void undone_in_part();
    void transaction_ended(bool committed);

    /// Those that are not as they were at the start, by name; also those of the start where another session's are
    /// compared. `custom`: the statement asks for settings that extensions and sites name ("app.tenant").
    [[nodiscard]] std::vector<InForce> in_force(bool with_start, bool custom) const;

    bool operator==(const SessionSettings&) const = default;

  private:
    struct Setting {
        std::optional<std::string> value;
        std::uint64_t change = 0;
        bool operator==(const Setting&) const = default;
    };
    using Settings = std::map<std::string, Setting, std::less<>>;

    static void put(Settings& settings, const std::string& name, const Setting& setting);

    Settings start_, now_;
    Settings saved_, session_; // while `open_`: what ROLLBACK goes back to, and COMMIT
    bool open_ = false;
    std::uint64_t changes_ = 0;
};

} // namespace stepgate::policies::postgres
