#pragma once

#include "policies/postgres/session_settings.h"
#include "policies/statement/own_tables.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::postgres
{

/// How the server reads a backslash in a plain '…' literal. `both`: it is not certain; the analyzer then reads the text
/// both ways and calls it opaque if the readings differ.
enum class Lexing : std::uint8_t { standard, backslashes, both };

/// The same text, read after it, may be about something else.
[[nodiscard]] bool changes_names(const statement::Effect& effect);

/// What of a PostgreSQL session decides the meaning of a text: settings, prepared statements, cursors. A plain value:
/// copy it freely. Owned by one session, no locks. SQL-level and wire-level prepared statements share one namespace, as
/// do cursors and portals, exactly as on the server.
///
/// Call `apply` when a statement succeeded; call `foresee` when it was forwarded and its outcome is not known yet, if
/// anything is analysed before the outcome arrives (pipelining).
class SessionState
{
  public:
    /// Values in force when the session starts; RESET, RESET ALL and DISCARD ALL go back to them.
    struct Start {
        std::vector<std::string> search_path{"$user", "public"};
        std::string role;
        std::string user; // that logged in to the server; "": not known
        std::string client_encoding = "UTF8";
        std::string server_encoding = "UTF8"; // of the database
        bool standard_conforming_strings = true;
        SessionSettings::Given settings = {}; // others that the client asked for
    };

    SessionState() : SessionState(Start{}) {}
    explicit SessionState(Start start);

    [[nodiscard]] const std::vector<std::string>& search_path() const { return now_.search_path; }
    [[nodiscard]] const std::string& role() const { return now_.role; }
    /// The user whose rights count now, and whose schema "$user" is; meaningless unless `user_known`.
    [[nodiscard]] const std::string& current_user() const
    {
        return now_.role.empty() || now_.role == "none" ? now_.user : now_.role;
    }
    [[nodiscard]] bool user_known() const { return now_.user_known && !current_user().empty(); }
    [[nodiscard]] const std::string& client_encoding() const { return now_.client_encoding; }
    [[nodiscard]] bool standard_conforming_strings() const { return scs_; }

    /// `both` for good once standard_conforming_strings was changed: statements prepared before keep their reading.
    [[nodiscard]] Lexing lexing() const;
    /// False when bytes above 127 may not be UTF-8 (client_encoding is something else, or not known).
    [[nodiscard]] bool text_is_utf8() const { return text_is_utf8_; }
    /// The database keeps names in the bytes that stepgate sees: they are cut at the same place, and no letter beyond
    /// ASCII is folded.
    [[nodiscard]] bool names_are_utf8() const { return server_encoding_ == "UTF8"; }
    [[nodiscard]] const std::string& server_encoding() const { return server_encoding_; }
    /// False when only the server knows the search path.
    [[nodiscard]] bool search_path_known() const { return now_.search_path_known; }
    /// Something that decides the meaning of texts is known to the server only.
    [[nodiscard]] bool uncertain() const
    {
        return lexing() == Lexing::both || !search_path_known() || !encoding_known();
    }
    /// Changes whenever the analysis of the same text could differ. Never goes back within one object.
    [[nodiscard]] std::uint64_t generation() const { return generation_; }
    /// Equal for two states that read every text without EXECUTE, FETCH or MOVE alike. For caches shared by sessions.
    [[nodiscard]] const std::string& settings_key() const { return settings_key_; }

    /// Those that change what was approved, not what is known of a text: `generation` and `settings_key` leave them
    /// out.
    [[nodiscard]] const SessionSettings& settings() const { return settings_; }

    /// SQL behind a prepared statement; null: unknown (or ambiguous: the name was taken when it was prepared again).
    [[nodiscard]] const std::string* prepared(std::string_view name) const;
    /// A query that makes values of the types of its parameters; "": they run nothing.
    [[nodiscard]] std::string prepared_values(std::string_view name) const;
    /// The query behind a cursor or portal; null: unknown.
    [[nodiscard]] const std::string* cursor(std::string_view name) const;

    // What names mean now (session_changes.cpp)

    /// What the session did to a name since the catalog in use was read; null: nothing.
    struct Redefined {
        bool code = false, temporary = false, writes = false;
        bool lasting = false;      // a temporary relation that the end of the transaction leaves
        bool permanent = false;    // what is no temporary relation may have changed, too
        bool dropped = false;      // the temporary one, by the transaction that is open
        bool new_in_block = false; // nothing was known of the name when the explicit block that is open began
        bool referenced = false;   // by foreign keys that no catalog shows, and that change the rows that refer
        std::vector<statement::TableAccess> copies, family, keys, referencing;
        std::string was, moved_to; // it is a relation of the catalog under another name; its relation has another name
        /// Nothing can be said of who names it.
        [[nodiscard]] bool unknown() const { return code || !moved_to.empty(); }
        /// Changing its rows, in whatever way, may do more than a catalog knows.
        [[nodiscard]] bool does_more() const { return writes || referenced || !keys.empty() || !referencing.empty(); }
        bool operator==(const Redefined&) const = default;
    };
    [[nodiscard]] const Redefined* redefined_relation(std::string_view bare_name) const
    {
        const auto found = relations_.find(bare_name);
        return found == relations_.end() ? nullptr : &found->second;
    }
    /// Temporary tables that it surely has.
    [[nodiscard]] const statement::OwnTables& own_tables() const { return own_tables_; }
    /// A text ran that is not understood: none of them is sure any more.
    void doubt_own_tables();
    /// Bare names of what the session made for itself.
    [[nodiscard]] std::vector<std::string> temporary_relations() const;
    [[nodiscard]] bool redefined_relations() const { return !relations_.empty(); }
    [[nodiscard]] bool redefined_function(std::string_view bare_name) const { return functions_.contains(bare_name); }
    /// Since the catalog was read the session made a type, or a table, of that name whose values run nothing, and no
    /// other.
    [[nodiscard]] bool made_plain_type(std::string_view bare_name) const;
    /// It made one whose values may run code.
    [[nodiscard]] bool made_code_type(std::string_view bare_name) const;
    /// Code waits for the end of the open transaction, and will find what names mean then.
    [[nodiscard]] bool deferred() const { return deferred_; }
    /// Anything may mean something else than the catalog says.
    [[nodiscard]] bool redefined_all() const { return redefined_all_ || too_many_; }
    /// A name without a schema means a temporary relation first. False where that is not certain.
    [[nodiscard]] bool temporary_first() const;
    /// Every name that the session made for itself and may still have is known.
    [[nodiscard]] bool knows_temporary() const { return !too_many_; }
    /// The catalog in use from now on was read after everything that was applied here, and the lineage beside it knows
    /// what was renamed and copied. Temporary relations, which no catalog has, stay.
    void catalog_read();

    // What takes place (session_state.cpp)

    /// Wire Parse. The unnamed statement ("") is replaced; a taken name with another text becomes ambiguous until it is
    /// closed, since the server keeps the old one and says so later.
    void prepare(std::string_view name, std::string_view sql, std::string_view values = {});
    void deallocate(std::string_view name); ///< wire Close 'S', or DEALLOCATE
    /// Wire Bind. `sql` is the text of the statement that was bound. Same rules for names.
    void open_portal(std::string_view name, std::string_view sql);
    void close_portal(std::string_view name); ///< wire Close 'P', or CLOSE

    /// The statement succeeded: its effects and, for BEGIN, COMMIT, ROLLBACK, SAVEPOINT, those on the transaction.
    /// A COMMIT that answered "ROLLBACK" is `transaction_ended(false)` instead.
    void apply(const statement::StatementFacts& facts);
    /// The statement was forwarded; it may or may not succeed. Widens what is uncertain, never narrows it.
    void foresee(const statement::StatementFacts& facts);
    /// An explicit transaction block began (apply does this for BEGIN). Idempotent.
    void transaction_began();
    /// The explicit block failed: a COMMIT from now on takes everything back, unless ROLLBACK TO comes first.
    void transaction_failed();
    /// The transaction ended, explicit or not: call it at every ReadyForQuery 'I', with false if an error came since
    /// the last one. Not committed: settings made since it began are reverted. Cursors without HOLD are gone either
    /// way.
    void transaction_ended(bool committed);
    /// ParameterStatus. Call it when nothing is in flight, else an answer to an older change could hide a newer one.
    void server_reported(std::string_view name, std::string_view value);

    /// A copy without prepared statements and cursors.
    [[nodiscard]] SessionState without_names() const;

    bool operator==(const SessionState&) const = default;

  private:
    struct Settings {
        std::vector<std::string> search_path;
        std::string role;
        std::string user; // of the session: SET SESSION AUTHORIZATION changes it
        std::string client_encoding;
        bool user_known = true;
        bool search_path_known = true;
        bool encoding_known = true;
        bool operator==(const Settings&) const = default;
    };
    struct Name {
        std::shared_ptr<const std::string> sql; // null: ambiguous
        bool with_hold = false;
        bool in_transaction = false; // opened by the transaction that is still open
        std::string values = {};     // of a prepared statement
        bool operator==(const Name& other) const;
    };
    using Names = std::map<std::string, Name, std::less<>>;

    [[nodiscard]] bool encoding_known() const { return now_.encoding_known; }
    void set(const statement::SetParameter& parameter);
    void set_lexing(const statement::SetParameter& parameter);
    void assign_user(Settings& settings, const statement::SetParameter& parameter) const;
    void assign(Settings& settings, const statement::SetParameter& parameter) const;
    void reset_all();
    void put(Names& names, std::string_view name, std::string_view sql, bool with_hold, std::string_view values = {});
    void erase(Names& names, std::string_view name);
    void apply_effect(const statement::Effect& effect);
    void redefine(const statement::Redefine& change); // session_changes.cpp, as the next four
    void make_type(const statement::MakeType& made);
    void discard_temporary();
    void settle_relations(bool committed);
    void undo_drops();
    void open_savings();
    void settings_changed();

    Settings start_;
    Settings now_;
    Settings saved_;         // what ROLLBACK goes back to
    Settings session_;       // what COMMIT leaves: `now_` without what was set LOCAL
    bool has_saved_ = false; // the two above count: a transaction, explicit or not, is open
    bool set_since_ = false; // something of them, by the transaction that is open
    std::string server_encoding_ = "UTF8";
    bool start_scs_ = true;
    bool scs_ = true;
    bool scs_changed_ = false;
    SessionSettings settings_;
    Names prepared_, cursors_;
    std::map<std::string, Redefined, std::less<>> relations_;
    std::set<std::string, std::less<>> functions_;
    statement::OwnTables own_tables_; // all of "pg_temp"
    struct MadeType {
        bool plain = false;     // values of all types of that name run nothing
        bool temporary = false; // of one of them at least
        bool operator==(const MadeType&) const = default;
    };
    std::map<std::string, MadeType, std::less<>> types_;
    bool redefined_all_ = false;
    bool deferred_ = false;
    bool in_block_ = false;  // BEGIN was answered: only then does ROLLBACK take back all that was done since, surely
    bool failed_ = false;    // the open transaction
    bool too_many_ = false;  // temporary relations to keep their names: nothing is certain until all are discarded
    bool discarded_ = false; // all of them, by the transaction that is open
    std::string settings_key_;
    bool text_is_utf8_ = true;
    std::uint64_t generation_ = 0;
};

} // namespace stepgate::policies::postgres
