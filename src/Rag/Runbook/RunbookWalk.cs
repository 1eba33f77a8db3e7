using System.Text.RegularExpressions;
using Rag.Foundation;

namespace Rag.Runbook;

/// <param name="Server">In the place of the address that the runbook writes; null leaves it.</param>
/// <param name="Yes">Ids of commands that change something and may be run unasked.</param>
/// <param name="Values">By placeholder.</param>
internal sealed record WalkOptions(string? Server, IReadOnlySet<string> Yes, IReadOnlyDictionary<string, string> Values, string By);

/// <summary>
/// Walks a section on this machine. What reads is run at once, after it is shown; what changes something is run only where
/// somebody said yes to that very command. A command whose program is not here is shown and left out.
/// </summary>
/// <param name="say">Prints a line.</param>
/// <param name="ask">Puts a question and gives the answer; null where nobody is there to answer.</param>
/// <param name="record">Takes each result as it comes.</param>
internal sealed partial class RunbookWalk(RunbookSection section, WalkOptions options, TimeProvider time, Action<string> say, Func<string, string?>? ask, Func<StepEvidence, CancellationToken, Task> record)
{
    /// <summary>Longer than the longest command, 'rag deploy watch --for 30m'.</summary>
    private static readonly TimeSpan CommandLimit = TimeSpan.FromMinutes(45);

    private readonly List<StepEvidence> _evidence = [];
    private bool _stopped;

    public IReadOnlyList<StepEvidence> Evidence => _evidence;

    /// <exception cref="RagException">Invalid: a value or a yes names nothing in this section.</exception>
    public async Task<string> RunAsync(CancellationToken ct)
    {
        Check();
        foreach (var step in section.Steps)
        {
            say("");
            say($"{step.Id}. {step.Text}");
            if (step.Commands.Count == 0) await ByHandAsync(step, ct);
            foreach (var command in step.Commands)
            {
                if (_stopped) break;
                await CommandAsync(command, ct);
            }
            if (_stopped) break;
        }
        return _stopped ? RunbookRun.Stopped : _evidence.Any(e => e.Outcome == StepOutcome.Failed) ? RunbookRun.Failed : RunbookRun.Done;
    }

    private void Check()
    {
        var changing = section.Commands.Where(c => !c.ReadOnly).Select(c => c.Id).ToList();
        if (options.Yes.Except(changing).FirstOrDefault() is { } wrong)
            throw new RagException(ErrorKind.Invalid, $"'{wrong}' is not a step of '{section.Slug}' that changes something.", changing.Count > 0 ? $"Those are: {string.Join(", ", changing)}." : "No step of it does.");
        foreach (var (name, value) in options.Values)
        {
            if (!section.Commands.Any(c => c.Placeholders.Contains(name))) throw new RagException(ErrorKind.Invalid, $"No command of '{section.Slug}' has '{name}' in it.", "Name a word in capital letters that stands in a command.");
            if (!SafeValue().IsMatch(value)) throw NotSafe(name);
        }
    }

    private async Task ByHandAsync(RunbookStep step, CancellationToken ct)
    {
        string? answer = ask?.Invoke($"Done? [y = yes, s = skip, N = stop] ");
        if (answer is null) await NoteAsync(step.Id, "", StepOutcome.Skipped, "To be done by hand.", ct);
        else if (Yes(answer)) await NoteAsync(step.Id, "", StepOutcome.Done, "Done by hand.", ct);
        else if (Skip(answer)) await NoteAsync(step.Id, "", StepOutcome.Skipped, "Left out.", ct);
        else await StopAsync(step.Id, "", ct);
    }

    private async Task CommandAsync(RunbookCommand command, CancellationToken ct)
    {
        if (command.Where is not null) say($"   {command.Where}:");
        if (Fill(command, out string why) is not { } text)
        {
            Show(command, command.Text);
            say($"   not run: {why}");
            await NoteAsync(command.Id, command.Text, StepOutcome.Skipped, why, ct);
            return;
        }
        Show(command, text);
        if (Programs.Missing(text) is { } missing)
        {
            say($"   not run: {missing}");
            await NoteAsync(command.Id, text, StepOutcome.Skipped, missing, ct);
            return;
        }
        if (!command.ReadOnly && !options.Yes.Contains(command.Id))
        {
            string? answer = ask?.Invoke($"   Step {command.Id} changes something. Run it? [y = yes, s = skip, N = stop] ");
            if (answer is null)
            {
                string note = $"It changes something and nobody was there to ask; --yes {command.Id} runs it.";
                say($"   not run: {note}");
                await NoteAsync(command.Id, text, StepOutcome.Skipped, note, ct);
                return;
            }
            if (Skip(answer))
            {
                await NoteAsync(command.Id, text, StepOutcome.Skipped, "Left out.", ct);
                return;
            }
            if (!Yes(answer))
            {
                await StopAsync(command.Id, text, ct);
                return;
            }
        }
        await RunAsync(command, text, ct);
    }

    private async Task RunAsync(RunbookCommand command, string text, CancellationToken ct)
    {
        var started = time.GetUtcNow();
        var result = await ProgramRun.RunAsync(["/bin/sh", "-c", Script(text)], CommandLimit, line => say("   | " + line), ct);
        say($"   exit code {(result.ExitCode is { } code ? code : "none: it was stopped")}");
        bool done = result.ExitCode == 0;
        await AddAsync(new(Ids.New(time), command.Id, text, done ? StepOutcome.Done : StepOutcome.Failed, result.ExitCode, RunbookRecord.Tail(result.Output), "", started, time.GetUtcNow(), options.By), ct);
        // What reads may fail and the next step says why; nothing is built on a change that failed.
        if (!done && !command.ReadOnly)
        {
            say("   The change failed: the walk stops here.");
            _stopped = true;
        }
    }

    private void Show(RunbookCommand command, string text)
    {
        foreach (string line in text.Split('\n')) say($"   [{command.Id}] $ {line}");
        if (command.Changes is not null) say($"   Changes: {command.Changes}");
        if (command.Expected is not null) say($"   Expected: {command.Expected}");
    }

    /// <summary>The command with its values; null where one is missing.</summary>
    private string? Fill(RunbookCommand command, out string why)
    {
        why = "";
        string text = command.Text;
        foreach (string name in command.Placeholders)
        {
            string? value = options.Values.GetValueOrDefault(name) ?? (ask?.Invoke($"   {name} = ") is { Length: > 0 } typed ? typed.Trim() : null);
            if (value is null)
            {
                why = $"It needs a value: --value {name}=….";
                return null;
            }
            if (!SafeValue().IsMatch(value))
            {
                why = NotSafe(name).Message;
                return null;
            }
            text = Regex.Replace(text, $@"\b{name}\b", value);
        }
        if (options.Server is null) return text;
        // Inside a pod the server keeps the address that it has there.
        return string.Join('\n', text.Split('\n').Select(line => line.StartsWith("kubectl", StringComparison.Ordinal) ? line : line.Replace(ProductCommands.WrittenServer, options.Server.TrimEnd('/'), StringComparison.Ordinal)));
    }

    /// <summary>The product is what runs now, wherever it lies.</summary>
    private static string Script(string text) => $"rag() {{ {string.Join(' ', ProgramRun.Product().Select(w => $"'{w.Replace("'", "'\\''", StringComparison.Ordinal)}'"))} \"$@\"; }}\n{OwnName().Replace(text, "rag")}";

    private Task StopAsync(string step, string command, CancellationToken ct)
    {
        _stopped = true;
        return NoteAsync(step, command, StepOutcome.Skipped, "The walk was stopped here.", ct);
    }

    private Task NoteAsync(string step, string command, string outcome, string note, CancellationToken ct) =>
        AddAsync(new(Ids.New(time), step, command, outcome, null, "", note, time.GetUtcNow(), time.GetUtcNow(), options.By), ct);

    private async Task AddAsync(StepEvidence evidence, CancellationToken ct)
    {
        _evidence.Add(evidence);
        await record(evidence, ct);
    }

    private static bool Yes(string answer) => answer.Trim().Equals("y", StringComparison.OrdinalIgnoreCase) || answer.Trim().Equals("yes", StringComparison.OrdinalIgnoreCase);

    private static bool Skip(string answer) => answer.Trim().Equals("s", StringComparison.OrdinalIgnoreCase) || answer.Trim().Equals("skip", StringComparison.OrdinalIgnoreCase);

    private static RagException NotSafe(string name) => new(ErrorKind.Invalid, $"The value of '{name}' has characters that a shell could take for something else.", "Use letters, digits and . _ : / @ -.");

    [GeneratedRegex(@"^[A-Za-z0-9._:/@][A-Za-z0-9._:/@-]{0,499}$")]
    private static partial Regex SafeValue();

    [GeneratedRegex(@"(?<![\w./])\./rag(?=\s|$)")]
    private static partial Regex OwnName();
}

/// <summary>What can be run on this machine.</summary>
internal static class Programs
{
    private static readonly string[] OfTheShell = ["cd", "exit", "export", "umask", "wait"];

    /// <summary>Why the text cannot be run here; null where it can.</summary>
    public static string? Missing(string text)
    {
        foreach (var words in ShellText.Commands(text))
        {
            if (words[0] is "rag" or "./rag")
            {
                if (words.Count > 1 && words[1] is "serve" or "demo") return "A server does not end: start it in a terminal of its own, or as its supervisor does.";
                continue;
            }
            if (!OfTheShell.Contains(words[0]) && !Exists(words[0])) return $"{words[0]} is not here.";
            if (words[0] == "kubectl" && !ClusterIsKnown()) return "No cluster is configured here.";
        }
        return null;
    }

    private static bool Exists(string program) => program.Contains('/', StringComparison.Ordinal)
        ? File.Exists(program)
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => folder.Length > 0 && File.Exists(Path.Combine(folder, program)));

    private static bool ClusterIsKnown() =>
        Environment.GetEnvironmentVariable("KUBECONFIG") is { Length: > 0 } || Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_HOST") is { Length: > 0 }
        || File.Exists(Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".kube", "config"));
}
