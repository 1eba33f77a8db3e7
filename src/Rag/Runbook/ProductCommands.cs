using Rag.Access;
using Rag.Foundation;
using Rag.Telemetry;

namespace Rag.Runbook;

/// <summary>
/// Runs commands of the product on the server, for pages and programs: only those that read, each as a process of its own
/// against this server, so that what is shown is what the command line prints.
/// </summary>
internal sealed class ProductCommands(OwnAddress own, OwnKeys keys)
{
    /// <summary>The address that the runbook writes in its commands.</summary>
    public const string WrittenServer = "http://127.0.0.1:8080";

    private const int MaxAtOnce = 2;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60), Patience = TimeSpan.FromSeconds(30);

    /// <summary>Commands that change nothing. A star stands for one argument.</summary>
    private static readonly string[] Reading =
    [
        "status", "slo", "checklist", "scale status", "scale recommend", "scale approvals", "cache ping", "cache stats", "database check", "index status", "index verify", "search *", "ask *",
        "collections list", "documents list", "documents show *", "answers show *", "maintenance window list", "maintenance run list", "maintenance run show *", "maintenance read-only status", "schedules list", "retention status", "backup list", "backup show *", "backup drills list", "backup drills show *", "backup off-site", "runbook", "runbook *", "runbook runs", "runbook runs show *",
        "incidents list", "incidents show *", "incidents postmortem *", "doctor", "doctor *", "keys list", "access grants list", "access review", "access whoami", "reviews list", "reviews show *", "security events", "security callers", "security certificates", "security canary list",
    ];

    /// <summary>Options that they may have beside the server.</summary>
    private static readonly string[] ReadingOptions = ["--server", "--collection", "--mode", "-k", "--prefix", "--pattern"];

    private readonly SemaphoreSlim _running = new(MaxAtOnce, MaxAtOnce);

    /// <summary>Whether the server runs it: nothing but commands of the product that read, with every value put in.</summary>
    public static bool Runs(RunbookCommand command) => command.ReadOnly && command.Placeholders.Count == 0 && Lines(command.Text).All(line => Arguments(line) is not null);

    /// <exception cref="RagException">Invalid: not a command that it runs; Overloaded: others run.</exception>
    public async Task<ProgramResult> RunAsync(RunbookCommand command, CancellationToken ct)
    {
        if (!Runs(command)) throw new RagException(ErrorKind.Invalid, $"The server does not run the command of step {command.Id} itself.", "Run it where the runbook says, and record the result.");
        var server = await own.WaitAsync(ct) ?? throw new RagException(ErrorKind.Unavailable, "This server has no port, so that its commands cannot reach it.", "Start 'rag serve' and name it with --server.");
        if (!await _running.WaitAsync(Patience, ct)) throw new RagException(ErrorKind.Overloaded, "Other commands of the runbook run on this server.", "Try again in a moment.");
        try
        {
            var output = new System.Text.StringBuilder();
            int? worst = 0;
            // The command may do what whoever asks for it may do, and for as long as it runs.
            var environment = new Dictionary<string, string> { [Foundation.Commands.ServerKey.Variable] = keys.Issue(Caller.Current, Lines(command.Text).Count() * Limit) };
            foreach (string line in Lines(command.Text))
            {
                var result = await ProgramRun.RunAsync([.. ProgramRun.Product(), .. Arguments(line)!, "--server", server.GetLeftPart(UriPartial.Authority)], Limit, null, ct, environment);
                output.Append(result.Output);
                if (result.ExitCode != 0) worst = result.ExitCode;
            }
            return new(worst, output.ToString());
        }
        finally
        {
            _running.Release();
        }
    }

    /// <summary>What stands after the product's name, without the server; null where the line is not one that reads.</summary>
    internal static IReadOnlyList<string>? Arguments(string line)
    {
        if (!ShellText.IsSimple(line)) return null;
        var words = ShellText.Commands(line).SingleOrDefault();
        if (words is null || words[0] is not ("./rag" or "rag")) return null;
        var path = words.Skip(1).TakeWhile(w => !w.StartsWith('-')).ToList();
        if (!Reading.Any(r => Matches(r.Split(' '), path))) return null;
        var arguments = new List<string>(path);
        for (int i = path.Count + 1; i < words.Count; i += 2)
        {
            if (!ReadingOptions.Contains(words[i]) || i + 1 >= words.Count) return null;
            if (words[i] != "--server") arguments.AddRange([words[i], words[i + 1]]);
        }
        return arguments;
    }

    private static bool Matches(string[] pattern, List<string> path) => pattern.Length == path.Count && pattern.Zip(path).All(p => p.First == "*" || p.First == p.Second);

    private static IEnumerable<string> Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
