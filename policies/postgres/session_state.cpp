#include "policies/postgres/session_state.h"

#include "policies/postgres/identifier_list.h"
#include "policies/statement/ascii.h"

#include <algorithm>
#include <cctype>
#include <utility>
#include <variant>

namespace stepgate::policies::postgres
{
namespace
{

using statement::Kind;
using statement::SetParameter;

template <typename... Handlers>
struct Overloaded : Handlers... {
    using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

std::string upper_without_dashes(std::string_view name)
{
    std::string out;
    for (const char c : name)
        if (std::isalnum(static_cast<unsigned char>(c)) != 0)
            out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return out;
}

bool is_utf8_name(std::string_view encoding)
{
    const std::string name = upper_without_dashes(encoding);
    return name == "UTF8" || name == "UNICODE" || name == "SQLASCII";
}

/// The spellings of a boolean setting that PostgreSQL takes: unique prefixes, any case.
std::optional<bool> boolean_setting(std::string_view text)
{
    const std::string name = upper_without_dashes(text);
    const auto prefix_of = [&](std::string_view word, std::size_t least) {
        return name.size() >= least && word.starts_with(name);
    };
    if (name == "1" || prefix_of("TRUE", 1) || prefix_of("YES", 1) || name == "ON")
        return true;
    if (name == "0" || prefix_of("FALSE", 1) || prefix_of("NO", 1) || prefix_of("OFF", 2))
        return false;
    return std::nullopt;
}

bool matters(const SetParameter& parameter)
{
    return parameter.name == "search_path" || parameter.name == "standard_conforming_strings" ||
           parameter.name == "client_encoding" || parameter.name == "role" || parameter.name == "session_authorization";
}

} // namespace

bool changes_names(const statement::Effect& effect)
{
    if (const auto* set = std::get_if<SetParameter>(&effect))
        return matters(*set) && set->name != "client_encoding";
    return std::holds_alternative<statement::ResetAll>(effect) ||
           std::holds_alternative<statement::DiscardAll>(effect) ||
           std::holds_alternative<statement::DiscardTemporary>(effect) ||
           std::holds_alternative<statement::Redefine>(effect);
}

bool SessionState::Name::operator==(const Name& other) const
{
    const bool same_text = sql == other.sql || (sql && other.sql && *sql == *other.sql);
    return same_text && with_hold == other.with_hold && in_transaction == other.in_transaction &&
           values == other.values;
}

SessionState::SessionState(Start start)
    : start_{std::move(start.search_path), std::move(start.role), std::move(start.user),
             std::move(start.client_encoding)},
      now_(start_), saved_(start_), session_(start_), server_encoding_(std::move(start.server_encoding)),
      start_scs_(start.standard_conforming_strings), scs_(start.standard_conforming_strings), settings_(start.settings)
{
    settings_changed();
}

Lexing SessionState::lexing() const
{
    if (scs_changed_)
        return Lexing::both;
    return scs_ ? Lexing::standard : Lexing::backslashes;
}

const std::string* SessionState::prepared(std::string_view name) const
{
    const auto found = prepared_.find(name);
    return found == prepared_.end() ? nullptr : found->second.sql.get();
}

std::string SessionState::prepared_values(std::string_view name) const
{
    const auto found = prepared_.find(name);
    return found == prepared_.end() ? std::string{} : found->second.values;
}

const std::string* SessionState::cursor(std::string_view name) const
{
    const auto found = cursors_.find(name);
    return found == cursors_.end() ? nullptr : found->second.sql.get();
}

SessionState SessionState::without_names() const
{
    SessionState copy;
    copy.start_ = start_;
    copy.now_ = now_;
    copy.saved_ = saved_;
    copy.session_ = session_;
    copy.has_saved_ = has_saved_;
    copy.server_encoding_ = server_encoding_;
    copy.start_scs_ = start_scs_;
    copy.scs_ = scs_;
    copy.scs_changed_ = scs_changed_;
    copy.types_ = types_;
    copy.settings_key_ = settings_key_;
    copy.relations_ = relations_;
    copy.functions_ = functions_;
    copy.redefined_all_ = redefined_all_;
    copy.in_block_ = in_block_;
    copy.set_since_ = set_since_;
    copy.failed_ = failed_;
    copy.too_many_ = too_many_;
    copy.discarded_ = discarded_;
    copy.generation_ = generation_;
    return copy;
}

void SessionState::put(Names& names, std::string_view name, std::string_view sql, bool with_hold,
                       std::string_view values)
{
    const auto found = names.find(name);
    if (found == names.end()) {
        names.emplace(std::string{name},
                      Name{std::make_shared<const std::string>(sql), with_hold, true, std::string{values}});
    } else if (name.empty()) {
        found->second = Name{std::make_shared<const std::string>(sql), with_hold, true, std::string{values}};
    } else if (!found->second.sql || (*found->second.sql == sql && found->second.values == values)) {
        return; // ambiguous already, or nothing new
    } else {
        found->second.sql = nullptr;
    }
    if (!name.empty()) // SQL cannot name the unnamed ones
        ++generation_;
}

void SessionState::erase(Names& names, std::string_view name)
{
    const auto found = names.find(name);
    if (found == names.end())
        return;
    names.erase(found);
    if (!name.empty())
        ++generation_;
}

void SessionState::prepare(std::string_view name, std::string_view sql, std::string_view values)
{
    put(prepared_, name, sql, false, values);
}

void SessionState::deallocate(std::string_view name)
{
    erase(prepared_, name);
}

void SessionState::open_portal(std::string_view name, std::string_view sql)
{
    put(cursors_, name, sql, false);
}

void SessionState::close_portal(std::string_view name)
{
    erase(cursors_, name);
}

void SessionState::settings_changed()
{
    ++generation_;
    text_is_utf8_ = now_.encoding_known && is_utf8_name(now_.client_encoding);
    settings_key_.clear();
    settings_key_ += static_cast<char>('0' + static_cast<int>(lexing()));
    settings_key_ += text_is_utf8_ ? 'u' : '?';
    settings_key_ += now_.search_path_known ? 'k' : '?';
    for (const std::string& schema : now_.search_path) {
        settings_key_ += schema;
        settings_key_ += '\0';
    }
    settings_key_ += user_known() ? 'u' : '?';
    settings_key_ += current_user(); // "$user" is its schema
    if (!names_are_utf8())
        (settings_key_ += '\x0e') += server_encoding_;
    if (redefined_all())
        settings_key_ += '*';
    if (deferred_)
        settings_key_ += '\6';
    if (failed_)
        settings_key_ += '\7';
    own_tables_.add_to(settings_key_);
    for (const std::string& name : functions_)
        (settings_key_ += '\1') += name;
    for (const auto& [name, type] : types_)
        ((settings_key_ += '\x0f') += name) += type.plain ? '=' : '!';
    for (const auto& [name, change] : relations_) {
        ((settings_key_ += '\2') += name) += change.code ? '!' : change.writes ? 'w' : '=';
        (((settings_key_ += '\x12') += change.was) += '\x12') += change.moved_to;
        settings_key_ += static_cast<char>('0' + change.temporary + 2 * change.lasting + 4 * change.permanent +
                                           8 * change.dropped + 16 * change.referenced);
        for (const auto& [mark, accesses] :
             {std::pair{'\3', &change.copies}, std::pair{'\x10', &change.keys}, std::pair{'\x11', &change.referencing}})
            for (const statement::TableAccess& access : *accesses) {
                (settings_key_ += mark) += access.table;
                for (const std::string& column : access.columns)
                    (settings_key_ += '\4') += column;
            }
        for (const statement::TableAccess& relative : change.family)
            (settings_key_ += '\5') += relative.table;
    }
}

void SessionState::open_savings()
{
    if (has_saved_)
        return;
    saved_ = now_;
    session_ = now_;
    has_saved_ = true;
}

void SessionState::assign(Settings& settings, const SetParameter& parameter) const
{
    if (parameter.name == "search_path") {
        settings.search_path_known = !parameter.unknown;
        if (parameter.unknown)
            return;
        if (!parameter.value) {
            settings.search_path = start_.search_path;
            return;
        }
        settings.search_path.clear();
        for (const std::string& schema : *parameter.value) {
            settings.search_path.emplace_back(cut_name(schema));
            settings.search_path_known = settings.search_path_known && (names_are_utf8() || is_ascii(schema));
        }
    } else if (parameter.name == "client_encoding") {
        settings.encoding_known = !parameter.unknown;
        if (parameter.unknown)
            return;
        settings.client_encoding =
            parameter.value && !parameter.value->empty() ? parameter.value->front() : start_.client_encoding;
    } else if (parameter.name == "role" || parameter.name == "session_authorization") {
        assign_user(settings, parameter);
    }
}

/// SET SESSION AUTHORIZATION also ends SET ROLE.
void SessionState::assign_user(Settings& settings, const SetParameter& parameter) const
{
    settings.user_known = !parameter.unknown;
    if (parameter.unknown)
        return;
    const bool given = parameter.value && !parameter.value->empty();
    if (parameter.name == "role") {
        settings.role = given ? parameter.value->front() : start_.role;
        return;
    }
    settings.user = given ? parameter.value->front() : start_.user;
    settings.role.clear();
}

void SessionState::set_lexing(const SetParameter& parameter)
{
    std::optional<bool> value;
    if (!parameter.unknown && !parameter.value)
        value = start_scs_;
    else if (!parameter.unknown && !parameter.value->empty())
        value = boolean_setting(parameter.value->front());
    if (value == scs_)
        return;
    scs_changed_ = true;
    scs_ = value.value_or(scs_);
}

void SessionState::set(const SetParameter& parameter)
{
    settings_.set(parameter);
    if (!matters(parameter))
        return;
    open_savings();
    set_since_ = true;
    if (parameter.name == "standard_conforming_strings")
        set_lexing(parameter);
    assign(now_, parameter);
    if (!parameter.local)
        assign(session_, parameter);
    settings_changed();
}

void SessionState::reset_all()
{
    settings_.reset_all();
    open_savings();
    set_since_ = true;
    if (scs_ != start_scs_)
        scs_ = start_scs_;
    const Settings before = now_, kept = session_;
    for (Settings* const settings : {&now_, &session_}) {
        Settings after = start_; // RESET ALL leaves the user alone, and a LOCAL one local
        after.role = settings->role;
        after.user = settings->user;
        after.user_known = settings->user_known;
        *settings = std::move(after);
    }
    // The server passes over what is at its default, by SET LOCAL too, and leaves what COMMIT goes back to.
    const auto sure = [this](bool known, bool kept_known, bool same, bool at_default) {
        return known ? (kept_known && same) || !at_default : !kept_known && !in_block_;
    };
    session_.search_path_known = sure(before.search_path_known, kept.search_path_known,
                                      before.search_path == kept.search_path, before.search_path == start_.search_path);
    session_.encoding_known =
        sure(before.encoding_known, kept.encoding_known, before.client_encoding == kept.client_encoding,
             before.client_encoding == start_.client_encoding);
    settings_changed();
}

void SessionState::apply_effect(const statement::Effect& effect)
{
    const auto forget = [this](Names& names, const std::optional<std::string>& name) {
        if (name) {
            erase(names, *name);
        } else {
            names.clear();
            ++generation_;
        }
    };
    std::visit(
        Overloaded{
            [&](const SetParameter& parameter) { set(parameter); },
            [&](const statement::ResetAll&) { reset_all(); },
            [&](const statement::PrepareStatement& prepared) { prepare(prepared.name, prepared.sql, prepared.values); },
            [&](const statement::Deallocate& gone) { forget(prepared_, gone.name); },
            [&](const statement::OpenCursor& cursor) { put(cursors_, cursor.name, cursor.sql, cursor.with_hold); },
            [&](const statement::CloseCursor& gone) { forget(cursors_, gone.name); },
            [&](const statement::DiscardTemporary&) { discard_temporary(); },
            [&](const statement::Redefine& change) { redefine(change); },
            [&](const statement::MakeType& made) { make_type(made); },
            [&](const statement::Defer&) {
                if (!std::exchange(deferred_, true))
                    settings_changed();
            },
            [&](const statement::DiscardAll&) {
                reset_all();
                settings_.discard_all();
                now_.role = session_.role = start_.role;
                now_.user = session_.user = start_.user;
                now_.user_known = session_.user_known = true;
                settings_changed();
                forget(prepared_, std::nullopt);
                forget(cursors_, std::nullopt);
            },
        },
        effect);
}

void SessionState::apply(const statement::StatementFacts& facts)
{
    for (const statement::Effect& effect : facts.effects)
        apply_effect(effect);
    // Without a block the answer to a later statement may say that all was taken back: that is seen too late.
    if (own_tables_.apply(facts, !in_block_))
        settings_changed();
    switch (facts.kind) {
    case Kind::begin:
        in_block_ = true;
        return transaction_began();
    case Kind::commit:
        return transaction_ended(true);
    case Kind::rollback:
        return transaction_ended(false);
    case Kind::prepare_transaction:
        if (facts.object == "prepare transaction")
            transaction_ended(true);
        return;
    case Kind::savepoint:
        if (facts.object == "rollback to") {
            undo_drops();
            if (own_tables_.forget_unsettled())
                settings_changed();
            settings_.undone_in_part();
        }
        if (facts.object == "rollback to" && set_since_) {
            // Which of the changes since BEGIN it takes back is known to the server.
            for (Settings* const settings : {&now_, &session_})
                settings->search_path_known = settings->encoding_known = settings->user_known = false;
            settings_changed();
        }
        return;
    default:
        return;
    }
}

void SessionState::foresee(const statement::StatementFacts& facts)
{
    if (!facts.effects.empty())
        doubt_own_tables();
    for (const statement::Effect& effect : facts.effects) {
        if (const auto* parameter = std::get_if<SetParameter>(&effect)) {
            SetParameter doubted = *parameter;
            doubted.unknown = doubted.name != "standard_conforming_strings" || doubted.unknown;
            set(doubted);
        } else if (const auto* prepared = std::get_if<statement::PrepareStatement>(&effect)) {
            prepare(prepared->name, prepared->sql, prepared->values);
        } else if (const auto* cursor = std::get_if<statement::OpenCursor>(&effect)) {
            put(cursors_, cursor->name, cursor->sql, cursor->with_hold);
        } else if (const auto* change = std::get_if<statement::Redefine>(&effect)) {
            statement::Redefine doubted = *change;
            doubted.gone = false;
            redefine(doubted);
        } else if (std::holds_alternative<statement::Defer>(effect) ||
                   std::holds_alternative<statement::MakeType>(effect)) {
            apply_effect(effect);
        } else if (std::holds_alternative<statement::ResetAll>(effect) ||
                   std::holds_alternative<statement::DiscardAll>(effect)) {
            set({.name = "search_path", .value = {}, .unknown = now_.search_path != start_.search_path});
            set({.name = "client_encoding", .value = {}, .unknown = now_.client_encoding != start_.client_encoding});
        }
    }
}

void SessionState::transaction_began()
{
    open_savings();
}

void SessionState::transaction_failed()
{
    if (!std::exchange(failed_, true))
        settings_changed();
}

void SessionState::transaction_ended(bool committed)
{
    committed = committed && !failed_;
    settings_.transaction_ended(committed);
    set_since_ = false;
    if (std::exchange(failed_, false))
        settings_changed();
    if (has_saved_) {
        const Settings& after = committed ? session_ : saved_;
        has_saved_ = false;
        if (!(now_ == after)) {
            now_ = after;
            settings_changed();
        }
    }
    if (std::exchange(deferred_, false))
        settings_changed();
    settle_relations(committed);
    const std::size_t before = cursors_.size();
    std::erase_if(cursors_, [committed](const auto& entry) {
        return !entry.second.with_hold || (!committed && entry.second.in_transaction);
    });
    for (auto& [name, cursor] : cursors_)
        cursor.in_transaction = false;
    if (cursors_.size() != before)
        ++generation_;
}

void SessionState::server_reported(std::string_view name, std::string_view value)
{
    if (name == "standard_conforming_strings") {
        const std::optional<bool> reported = boolean_setting(value);
        if (reported == scs_)
            return;
        scs_changed_ = true;
        scs_ = reported.value_or(scs_);
    } else if (name == "client_encoding") {
        if (now_.encoding_known && now_.client_encoding == value)
            return;
        now_.client_encoding = value;
        now_.encoding_known = true;
    } else if (name == "search_path") {
        auto path = identifier_list(value, ',');
        now_.search_path_known = path.has_value();
        if (path)
            now_.search_path = std::move(*path);
    } else {
        return;
    }
    settings_changed();
}

} // namespace stepgate::policies::postgres
