#pragma once

#include "policies/mysql/lexer.h"
#include "policies/statement/own_tables.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::mysql
{

/// What of a MySQL or MariaDB session decides the meaning of a text: server, sql_mode, character set, current database,
/// prepared statements of SQL and the user variables that they are made from. A plain value: copy it freely. Owned by
/// one session, no locks.
///
/// Call `apply` when a statement succeeded; call `foresee` when it was forwarded and its outcome is not known yet, if
/// anything is analysed before the outcome arrives (pipelining).
class SessionState
{
  public:
    /// Values in force when the session starts; COM_RESET_CONNECTION goes back to them.
    struct Start {
        ServerVersion version;
        std::string sql_mode; // as the server reports it
        std::string charset = "utf8mb4";
        std::string database; // "": none is chosen
    };

    SessionState() : SessionState(Start{}) {}
    explicit SessionState(Start start);

    [[nodiscard]] const ServerVersion& version() const { return start_.version; }
    [[nodiscard]] const std::string& database() const { return database_; }
    /// False when only the server knows the current database.
    [[nodiscard]] bool database_known() const { return database_known_; }
    /// The text of @@sql_mode; nothing when only the server knows it.
    [[nodiscard]] const std::optional<std::string>& sql_mode() const { return sql_mode_; }
    [[nodiscard]] const std::string& charset_name() const { return charset_name_; }

    /// Why a text cannot be read at all; empty if it can.
    [[nodiscard]] std::string refusal(std::string_view sql) const;
    /// How the server may read a text: more than one where changes are under way. All must give the same facts.
    [[nodiscard]] const std::vector<SqlMode>& modes() const { return modes_; }
    [[nodiscard]] Reading reading(const SqlMode& mode) const;
    /// Something that decides the meaning of texts is known to the server only.
    [[nodiscard]] bool uncertain() const { return modes_.size() != 1 || !charset_known_ || !database_known_; }
    /// As it began.
    [[nodiscard]] SessionState afresh() const { return SessionState{start_}; }
    /// Changes whenever the analysis of the same text could differ. Never goes back within one object.
    [[nodiscard]] std::uint64_t generation() const { return generation_; }
    /// Equal for two states that read every text without EXECUTE or user variables alike. For caches shared by
    /// sessions.
    [[nodiscard]] const std::string& settings_key() const { return settings_key_; }

    /// SQL behind a statement that SQL PREPARE made; null: unknown.
    [[nodiscard]] const std::string* prepared(std::string_view name) const;
    /// A text in quotes is converted to character_set_connection before a variable or PREPARE gets it. False: what
    /// comes of it may be another one.
    [[nodiscard]] bool keeps(std::string_view text) const;
    /// Value of a user variable; null: unknown.
    [[nodiscard]] const std::string* variable(std::string_view name) const;

    using Texts = std::map<std::string, std::string, std::less<>>;
    /// What the session set that changes which rows a text means, how they are compared and what becomes of them
    /// (time_zone, timestamp, ..): part of what is approved, and of no analysis.
    [[nodiscard]] const Texts& settings() const { return settings_; }

    /// The session made a temporary table of this bare name, and did not drop it since.
    [[nodiscard]] bool temporary(std::string_view name) const { return temporary_.contains(name); }
    /// Temporary tables that it surely has.
    [[nodiscard]] const statement::OwnTables& own_tables() const { return own_tables_; }
    /// One of those is a MERGE table: its rows are those of others.
    [[nodiscard]] bool temporary_merge(std::string_view name) const { return merges_.contains(name); }

    void apply(const statement::StatementFacts& facts);   ///< the statement succeeded
    void foresee(const statement::StatementFacts& facts); ///< it may or may not succeed: widens what is uncertain
    /// A text is prepared, on the wire or by SQL: the servers assign some of its user variables as soon as that.
    void prepares(std::string_view sql);
    /// What only the server knows may have changed: a procedure ran.
    void doubt();
    void doubt_own_tables();
    /// The text failed, somewhere in the middle: what it would have changed is in doubt.
    void failed(const statement::Facts& facts);
    /// What the server answered when asked. Call it when nothing is in flight.
    void server_reported_sql_mode(std::string_view value);
    void server_reported_charset(std::string_view name);
    void server_reported_connection(std::string_view charset); ///< character_set_connection
    void server_reported_database(std::string_view name);
    void reset(); ///< COM_RESET_CONNECTION, COM_CHANGE_USER

    bool operator==(const SessionState& other) const;

  private:
    void apply_effect(const statement::Effect& effect, bool certain);
    void redefine(const statement::Redefine& change);
    void set(const statement::SetParameter& parameter, bool certain);
    void set_sql_mode(const statement::SetParameter& parameter, bool certain);
    [[nodiscard]] static std::optional<std::string> value_of(const statement::SetParameter& parameter);
    void set_charset(const statement::SetParameter& parameter, bool certain);
    void set_connection(const statement::SetParameter& parameter, bool certain);
    void set_setting(const statement::SetParameter& parameter, bool certain);
    void charset_changed();
    void set_variable(const statement::SetParameter& parameter, bool certain);
    void settings_changed();

    Start start_;
    std::optional<std::string> sql_mode_;
    std::vector<SqlMode> modes_; // empty: only the server knows
    std::string charset_name_;
    std::optional<Charset> charset_; // of charset_name_, if it is one that stepgate reads
    bool charset_known_ = true;
    std::string connection_; // its character set; "": unknown
    std::string database_;
    bool database_known_ = true;
    Texts prepared_, variables_, settings_;        // names in lower case
    std::set<std::string, std::less<>> temporary_; // tables
    std::set<std::string, std::less<>> merges_;    // of those
    statement::OwnTables own_tables_;
    std::string settings_key_;
    std::uint64_t generation_ = 0;
};

} // namespace stepgate::policies::mysql
