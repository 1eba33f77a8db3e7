using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Spectre.Console;

namespace Rag.Foundation.Commands;

/// <summary>A server to talk to for the length of a command.</summary>
public interface IServerConnection : IAsyncDisposable
{
    ApiClient Api { get; }
}

/// <summary>
/// What every command shares: the options <c>--server</c>, <c>--key</c>, <c>--data</c>, <c>--set</c> and <c>--json</c>, how it
/// reaches a server, how it prints, and its exit code: 0 done, 1 failed, 2 wrong usage.
/// </summary>
public sealed class CommandContext
{
    public Option<string?> Server { get; } = new("--server") { Description = "Address of a running server; without it the command opens the data directory itself.", Recursive = true };

    public Option<string?> Key { get; } = new("--key") { Description = "File that holds the key for the server; RAG_KEY in the environment may hold the key itself.", Recursive = true };

    public Option<string?> Data { get; } = new("--data") { Description = "Data directory (default: data).", Recursive = true };

    public Option<string[]> Set { get; } = new("--set") { Description = "A configuration value, as Section:Key=value; may be repeated.", Recursive = true };

    public Option<bool> Json { get; } = new("--json") { Description = "Print JSON.", Recursive = true };

    /// <summary>Opens the server that the options name; given by the executable.</summary>
    public required Func<ParseResult, CancellationToken, Task<IServerConnection>> ConnectAsync { get; init; }

    public IAnsiConsole Out { get; init; } = AnsiConsole.Console;

    /// <summary>Progress and remarks: not part of what a pipe gets.</summary>
    public IAnsiConsole Remarks { get; } = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });

    /// <summary>Makes the command run <paramref name="run"/> against a server.</summary>
    public void Bind(Command command, Func<ParseResult, ApiClient, CancellationToken, Task<int>> run) => command.SetAction((parse, ct) => GuardAsync(parse, async () =>
    {
        await using var server = await ConnectAsync(parse, ct);
        return await run(parse, server.Api, ct);
    }));

    /// <summary>Makes the command run <paramref name="run"/> on its own.</summary>
    public void BindAlone(Command command, Func<ParseResult, CancellationToken, Task<int>> run) => command.SetAction((parse, ct) => GuardAsync(parse, () => run(parse, ct)));

    /// <summary>Prints the object as JSON where <c>--json</c> asks for it; says whether it did.</summary>
    public bool TryJson<T>(ParseResult parse, T value, JsonTypeInfo<T> type)
    {
        if (!parse.GetValue(Json)) return false;
        Console.Out.WriteLine(JsonSerializer.Serialize(value, type));
        return true;
    }

    private async Task<int> GuardAsync(ParseResult parse, Func<Task<int>> run)
    {
        try
        {
            return await run();
        }
        catch (RagException e)
        {
            Fail(e.Message, e.Remedy);
            return 1;
        }
        catch (ConfigurationException e)
        {
            Fail(e.Message, "'rag config show' prints every key with its value.");
            return 1;
        }
        catch (OperationCanceledException)
        {
            Fail("Stopped before it was done.", "What was acknowledged is kept; run the command again to go on.");
            return 1;
        }
    }

    private void Fail(string message, string remedy)
    {
        Remarks.MarkupLineInterpolated($"[red]error:[/] {message}");
        Remarks.WriteLine("       " + remedy);
    }
}
