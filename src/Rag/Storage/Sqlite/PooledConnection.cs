using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Data.Sqlite;

namespace Rag.Storage.Sqlite;

/// <summary>
/// A connection that goes back to its pool when it is disposed of, and keeps the statements that it has prepared: preparing
/// one costs more than running it.
/// </summary>
internal sealed class PooledConnection(string connectionString, Func<PooledConnection, bool> giveBack) : SqliteConnection(connectionString)
{
    /// <summary>Statements kept; one that finds no room is forgotten after its use.</summary>
    private const int MaxKept = 64;

    private readonly Dictionary<string, SqliteCommand> _kept = [];

    public override ValueTask DisposeAsync() => State == ConnectionState.Open && giveBack(this) ? ValueTask.CompletedTask : CloseForGoodAsync();

    public ValueTask CloseForGoodAsync()
    {
        foreach (var command in _kept.Values) command.Dispose();
        _kept.Clear();
        return base.DisposeAsync();
    }

    protected override DbCommand CreateDbCommand() => new KeptCommand(this);

    private SqliteCommand Take(string text)
    {
        if (_kept.Remove(text, out var kept)) return kept;
        var command = CreateCommand();
        command.CommandText = text;
        return command;
    }

    private void Return(SqliteCommand command)
    {
        command.Parameters.Clear();
        command.Transaction = null;
        if (_kept.Count >= MaxKept || !_kept.TryAdd(command.CommandText, command)) command.Dispose();
    }

    /// <summary>Stands for a prepared command as soon as the text says which.</summary>
    private sealed class KeptCommand(PooledConnection owner) : DbCommand
    {
        private SqliteCommand? _command;

        private SqliteCommand Command => _command ?? throw new InvalidOperationException("The command has no text yet.");

        [AllowNull]
        public override string CommandText
        {
            get => _command?.CommandText ?? "";
            set
            {
                if (_command?.CommandText == value) return;
                if (_command is not null) owner.Return(_command);
                _command = owner.Take(value ?? "");
            }
        }

        public override int CommandTimeout { get; set; } = owner.DefaultTimeout;

        public override CommandType CommandType { get; set; } = CommandType.Text;

        public override bool DesignTimeVisible { get; set; }

        public override UpdateRowSource UpdatedRowSource { get; set; }

        protected override DbConnection? DbConnection { get; set; } = owner;

        protected override DbTransaction? DbTransaction { get; set; }

        protected override DbParameterCollection DbParameterCollection => Command.Parameters;

        public override void Cancel() => _command?.Cancel();

        public override void Prepare() => Ready().Prepare();

        public override int ExecuteNonQuery() => Ready().ExecuteNonQuery();

        public override object? ExecuteScalar() => Ready().ExecuteScalar();

        protected override DbParameter CreateDbParameter() => new SqliteParameter();

        protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) => Ready().ExecuteReader(behavior);

        protected override void Dispose(bool disposing)
        {
            if (_command is { } used) owner.Return(used);
            _command = null;
            base.Dispose(disposing);
        }

        private SqliteCommand Ready()
        {
            var command = Command;
            command.Transaction = (SqliteTransaction?)DbTransaction;
            command.CommandTimeout = CommandTimeout;
            return command;
        }
    }
}
