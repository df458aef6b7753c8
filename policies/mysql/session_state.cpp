#include "policies/mysql/session_state.h"

#include "policies/statement/ascii.h"

#include <algorithm>
#include <variant>

namespace stepgate::policies::mysql
{
namespace
{

using statement::Kind;
using statement::SetParameter;

constexpr std::size_t most_modes = 4;
constexpr std::size_t most_variables = 1'000;
constexpr std::size_t longest_variable = 65'536;

/// Of a variable or a prepared statement. To MySQL `é` and `e ` are other spellings of `e`, to MariaDB they are not.
bool is_plain(std::string_view name)
{
    return is_ascii(name) && !name.ends_with(' ');
}

} // namespace

SessionState::SessionState(Start start) : start_(std::move(start))
{
    reset();
}

void SessionState::reset()
{
    prepared_.clear();
    variables_.clear();
    settings_.clear();
    temporary_.clear();
    merges_.clear();
    own_tables_.forget_all();
    database_ = start_.database;
    database_known_ = true;
    server_reported_sql_mode(start_.sql_mode);
    server_reported_charset(start_.charset);
    server_reported_connection(start_.charset);
}

Reading SessionState::reading(const SqlMode& mode) const
{
    return {start_.version, mode, charset_.value_or(Charset::utf8mb4)};
}

std::string SessionState::refusal(std::string_view sql) const
{
    if (!charset_known_)
        return "is in a character set that only the server knows";
    if (!charset_)
        return "is in the character set " + charset_name_ + ", which stepgate cannot read";
    if (charset_ == Charset::mixed && !is_ascii(sql))
        return "holds characters of " + charset_name_ + ", of which stepgate can read those of ASCII only";
    if (modes_.empty())
        return "is read under an sql_mode that only the server knows";
    if (std::ranges::any_of(modes_, &SqlMode::refused))
        return "is read under an sql_mode with another grammar, which stepgate does not know";
    return {};
}

const std::string* SessionState::prepared(std::string_view name) const
{
    const auto found = prepared_.find(lower(name));
    return found == prepared_.end() ? nullptr : &found->second;
}

bool SessionState::keeps(std::string_view text) const
{
    return (charset_known_ && same_word(connection_, charset_name_)) || survives(text, connection_);
}

const std::string* SessionState::variable(std::string_view name) const
{
    const auto found = variables_.find(lower(name));
    return found == variables_.end() ? nullptr : &found->second;
}

void SessionState::prepares(std::string_view sql)
{
    if (sql.find(":=") == std::string_view::npos || variables_.empty())
        return;
    variables_.clear();
    ++generation_;
}

void SessionState::settings_changed()
{
    ++generation_;
    settings_key_.clear();
    settings_key_ += start_.version.mariadb ? 'a' : 'y';
    settings_key_ += std::to_string(start_.version.low) + "-" + std::to_string(start_.version.high);
    settings_key_ += charset_known_ && charset_ ? static_cast<char>('0' + static_cast<int>(*charset_)) : '?';
    for (const SqlMode& mode : modes_) {
        settings_key_ += '/';
        for (const bool part : {mode.ansi_quotes, mode.no_backslash_escapes, mode.pipes_as_concat, mode.ignore_space,
                                mode.high_not_precedence, mode.refused})
            settings_key_ += part ? '1' : '0';
    }
    settings_key_ += '/' + connection_;
    settings_key_ += database_known_ ? '=' : '?';
    settings_key_ += database_;
    for (const std::string& name : temporary_)
        settings_key_.append(1, merges_.contains(name) ? '\1' : '\0').append(name);
    own_tables_.add_to(settings_key_);
}

/// DEFAULT is the global value of now, which only the server knows: it is not the one that the session began with.
std::optional<std::string> SessionState::value_of(const SetParameter& parameter)
{
    if (parameter.unknown || !parameter.value || parameter.value->empty())
        return std::nullopt;
    return parameter.value->front();
}

void SessionState::set_sql_mode(const SetParameter& parameter, bool certain)
{
    const std::optional<std::string> value = value_of(parameter);
    const std::optional<SqlMode> mode = value ? parse_sql_mode(*value) : std::nullopt;
    if (!mode || modes_.size() != 1 || modes_.front() != *mode)
        prepared_.clear(); // whether their texts are read anew under the new mode is the server's affair
    if (certain) {
        sql_mode_ = mode ? value : std::nullopt;
        modes_.clear();
        if (mode)
            modes_.push_back(*mode);
    } else if (!mode || modes_.size() >= most_modes) {
        sql_mode_.reset();
        modes_.clear();
    } else if (!modes_.empty() && std::ranges::find(modes_, *mode) == modes_.end()) {
        sql_mode_.reset();
        modes_.push_back(*mode);
    }
}

void SessionState::set_charset(const SetParameter& parameter, bool certain)
{
    const std::optional<std::string> value = value_of(parameter);
    if (!value || !same_word(*value, charset_name_))
        charset_changed();
    if (!value || !certain) {
        charset_known_ = charset_known_ && value && parse_charset(*value) == charset_;
        return;
    }
    charset_known_ = true;
    charset_name_ = *value;
    charset_ = parse_charset(*value);
}

/// Of a collation, the part before its first "_" names the character set.
void SessionState::set_connection(const SetParameter& parameter, bool certain)
{
    std::string value = value_of(parameter).value_or("");
    if (parameter.name == "collation_connection")
        value.resize(std::min(value.find('_'), value.size()));
    if (certain || !same_word(value, connection_))
        connection_ = certain ? lower(value) : "";
    if (certain && parameter.name == "character_set_connection")
        settings_.erase("collation_connection"); // its default one
    else
        set_setting(parameter, certain);
}

/// Of one that goes back to DEFAULT nothing is known that the session did.
void SessionState::set_setting(const SetParameter& parameter, bool certain)
{
    if (!certain)
        return;
    if (!parameter.unknown && (!parameter.value || parameter.value->empty()))
        settings_.erase(parameter.name);
    else
        settings_[parameter.name] = value_of(parameter).value_or("?");
}

/// Texts are converted from one to the other when they are prepared, or read anew.
void SessionState::charset_changed()
{
    const auto changes = [](const auto& one) { return !is_ascii(one.second); };
    std::erase_if(variables_, changes);
    std::erase_if(prepared_, changes);
}

void SessionState::set_variable(const SetParameter& parameter, bool certain)
{
    if (!is_plain(parameter.name))
        return variables_.clear();
    const std::string name = lower(std::string_view{parameter.name}.substr(1));
    const bool known = certain && !parameter.unknown && parameter.value && !parameter.value->empty() &&
                       parameter.value->front().size() <= longest_variable;
    if (known && (variables_.size() < most_variables || variables_.contains(name)))
        variables_[name] = parameter.value->front();
    else
        variables_.erase(name);
}

void SessionState::set(const SetParameter& parameter, bool certain)
{
    if (parameter.name.starts_with('@'))
        set_variable(parameter, certain);
    else if (parameter.name == "sql_mode")
        set_sql_mode(parameter, certain);
    else if (parameter.name == "character_set_client")
        set_charset(parameter, certain);
    else if (parameter.name == "character_set_connection" || parameter.name == "collation_connection")
        set_connection(parameter, certain);
    else if (parameter.name == "database" && certain && !parameter.unknown && parameter.value) {
        prepared_.clear(); // their tables stay those of the database in which they were prepared
        database_ = parameter.value->empty() ? std::string{} : parameter.value->front();
        database_known_ = true;
    } else if (parameter.name == "database")
        database_known_ = database_known_ && !parameter.unknown && parameter.value && !parameter.value->empty() &&
                          parameter.value->front() == database_;
    else
        return set_setting(parameter, certain);
    settings_changed();
}

void SessionState::apply_effect(const statement::Effect& effect, bool certain)
{
    if (const auto* parameter = std::get_if<SetParameter>(&effect)) {
        set(*parameter, certain);
    } else if (const auto* made = std::get_if<statement::PrepareStatement>(&effect)) {
        const std::string name = lower(made->name);
        prepares(made->sql);
        const auto found = prepared_.find(name);
        if (!is_plain(name))
            prepared_.clear();
        else if (certain)
            prepared_[name] = made->sql;
        else if (found != prepared_.end() && found->second != made->sql)
            prepared_.erase(found);
        ++generation_;
    } else if (const auto* gone = std::get_if<statement::Deallocate>(&effect)) {
        if (gone->name)
            prepared_.erase(lower(*gone->name));
        else
            prepared_.clear();
        ++generation_;
    } else if (const auto* change = std::get_if<statement::Redefine>(&effect)) {
        redefine(*change);
    }
}

void SessionState::redefine(const statement::Redefine& change)
{
    bool changes = false;
    if (change.gone)
        changes = temporary_.erase(change.relation) + merges_.erase(change.relation) > 0;
    else if (change.temporary)
        changes = temporary_.insert(change.relation).second;
    if (change.code && temporary_.contains(change.relation))
        changes = merges_.insert(change.relation).second || changes;
    if (changes)
        settings_changed();
}

void SessionState::apply(const statement::StatementFacts& facts)
{
    for (const statement::Effect& effect : facts.effects)
        apply_effect(effect, true);
    if (own_tables_.apply(facts, false)) // ROLLBACK takes no temporary table back
        settings_changed();
    if (facts.does(Kind::call))
        doubt();
}

void SessionState::foresee(const statement::StatementFacts& facts)
{
    for (const statement::Effect& effect : facts.effects)
        apply_effect(effect, false);
    if (!facts.effects.empty() || facts.does(Kind::call))
        doubt_own_tables();
    if (facts.does(Kind::call))
        doubt();
}

void SessionState::failed(const statement::Facts& facts)
{
    for (const statement::StatementFacts& one : facts.statements)
        own_tables_.fail(one);
    doubt();
}

void SessionState::doubt_own_tables()
{
    if (own_tables_.forget_all())
        settings_changed();
}

void SessionState::doubt()
{
    prepared_.clear();
    variables_.clear();
    charset_known_ = false;
    connection_.clear();
    modes_.clear();
    sql_mode_.reset();
    settings_changed();
}

void SessionState::server_reported_sql_mode(std::string_view value)
{
    sql_mode_ = value;
    modes_.clear();
    if (const auto mode = parse_sql_mode(value))
        modes_.push_back(*mode);
    settings_changed();
}

void SessionState::server_reported_charset(std::string_view name)
{
    if (!same_word(name, charset_name_))
        charset_changed();
    charset_name_ = name;
    charset_ = parse_charset(name);
    charset_known_ = true;
    settings_changed();
}

void SessionState::server_reported_connection(std::string_view charset)
{
    connection_ = lower(charset);
    settings_changed();
}

void SessionState::server_reported_database(std::string_view name)
{
    database_ = name;
    database_known_ = true;
    settings_changed();
}

bool SessionState::operator==(const SessionState& other) const
{
    return settings_key_ == other.settings_key_ && prepared_ == other.prepared_ && variables_ == other.variables_ &&
           settings_ == other.settings_ && sql_mode_ == other.sql_mode_ && temporary_ == other.temporary_ &&
           merges_ == other.merges_ && own_tables_ == other.own_tables_;
}

} // namespace stepgate::policies::mysql
