using System.CommandLine;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.RegularExpressions;
using Dapper;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Rag.Access;
using Spectre.Console;

namespace Rag.Testing.Access;

/// <param name="Cases">Routes and commands times who asks.</param>
/// <param name="Mismatches">What was let in or refused otherwise than the table says, or is missing from it; empty where all is right.</param>
public sealed record AccessOutcome(int Cases, int Routes, int Commands, IReadOnlyList<string> Mismatches);

/// <summary>
/// Every route and every command of a running server in mode <c>keys</c>, asked for by everybody: nobody, whoever shows a key
/// that does not hold, and a key of each role. Routes come from the server's endpoints and commands from its command line.
/// </summary>
public sealed partial class AccessMatrix(IServiceProvider services, Uri address, Func<RootCommand> commands)
{
    public static readonly IReadOnlyList<string> Roles = ["reader", "writer", "operator", "auditor", "admin"];

    /// <summary>Settings of a server that the matrix may ask as often as it has to.</summary>
    public static readonly IReadOnlyList<KeyValuePair<string, string?>> Settings =
    [
        new("Access:Mode", "keys"), new("Access:Limits:PerMinute", "0"), new("Access:Limits:FailuresPerMinute", "10000"), new("Inference:Provider", "none"), new("Telemetry:ProbeIntervalSeconds", "0"),
    ];

    /// <summary>How long a command has for its next request.</summary>
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    /// <param name="Role">The one role that its key has; null where it must open nothing.</param>
    /// <param name="Known">Whether it is somebody: refused with 403, not 401.</param>
    private sealed record Asker(string Name, string? Key, string? Role, bool Known);

    public async Task<AccessOutcome> RunAsync(CancellationToken ct)
    {
        var askers = await AskersAsync(ct);
        var mismatches = new List<string>();
        int routes = await RoutesAsync(askers, mismatches, ct), run = await CommandsAsync(askers, mismatches, ct);
        return new((routes + run) * askers.Count, routes, run, mismatches);
    }

    [GeneratedRegex(@"\{[^}]+\}")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"^/v1/|^/admin/|^/openapi|^/metrics")]
    private static partial Regex NoPage();

    private async Task<IReadOnlyList<Asker>> AskersAsync(CancellationToken ct)
    {
        var keys = services.GetRequiredService<ApiKeys>();
        var grants = services.GetRequiredService<Grants>();
        async Task<KeyIssued> NewAsync(string role) => await keys.CreateAsync(new($"matrix {role}", [role]), ct);
        var expired = await NewAsync("admin");
        await services.GetRequiredService<AccessChanges>().ApplyAsync((tx, version) => tx.Connection!.ExecuteAsync("UPDATE api_keys SET expires_at = 1, version = @version WHERE id = @Id", new { version, expired.Key.Id }, tx), ct);
        var revoked = await NewAsync("admin");
        await keys.RevokeAsync(revoked.Key.Id, ct);
        var rotated = await NewAsync("admin");
        await keys.RotateAsync(rotated.Key.Id, new("0s"), ct);
        var bare = await NewAsync("reader");
        foreach (var grant in (await grants.ListAsync(ct)).Where(g => g.Principal == bare.Key.Id)) await grants.RemoveAsync(grant.Id, ct);
        var other = await NewAsync("admin");
        var askers = new List<Asker>
        {
            new("no key", null, null, false), new("an expired key", expired.Secret, null, false), new("a revoked key", revoked.Secret, null, false), new("the secret before a rotation", rotated.Secret, null, false),
            new("a wrong secret", other.Secret[..^1] + (other.Secret[^1] == 'A' ? 'B' : 'A'), null, false), new("an unknown key", ApiKey.Text("zzzzzzzz", ApiKey.NewSecret()), null, false), new("no key at all", "nonsense", null, false),
            new("a key without a role", bare.Secret, null, true),
        };
        foreach (string role in Roles) askers.Add(new($"a key of role {role}", (await NewAsync(role)).Secret, role, true));
        return askers;
    }

    private async Task<int> RoutesAsync(IReadOnlyList<Asker> askers, List<string> mismatches, CancellationToken ct)
    {
        var routes = services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .SelectMany(e => (e.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"]).Select(m => (Name: $"{m} {Named(e.RoutePattern.RawText!)}", Method: m, Path: Concrete(e.RoutePattern.RawText!))))
            .DistinctBy(r => r.Name).ToList();
        Compare("route", routes.Select(r => r.Name), AccessTable.Routes.Keys, mismatches);
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = address, Timeout = TimeSpan.FromMinutes(2) };
        foreach (var (name, method, path) in routes)
        {
            if (!AccessTable.Routes.TryGetValue(name, out string? expected)) continue;
            foreach (var asker in askers)
            {
                using var request = new HttpRequestMessage(new(method), path);
                if (method is "POST" or "PUT") request.Content = new StringContent("{}", Encoding.UTF8, "application/json");
                if (asker.Key is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", asker.Key);
                using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
                bool toSignIn = response.StatusCode == HttpStatusCode.Redirect && response.Headers.Location?.ToString().StartsWith("/sign-in?", StringComparison.Ordinal) == true;
                bool refused = toSignIn || response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden;
                bool allowed = expected == AccessTable.Everybody || (asker.Role is { } role && AccessTable.Allows(expected, role));
                if (refused == allowed) mismatches.Add($"{name} ({expected}), {asker.Name}: {(int)response.StatusCode}");
                // Who is known is told that it is not theirs; who is not is told to say who they are.
                else if (refused && asker.Known != (response.StatusCode == HttpStatusCode.Forbidden)) mismatches.Add($"{name} ({expected}), {asker.Name}: refused with {(int)response.StatusCode}");
                else if (refused && !asker.Known && NoPage().IsMatch(path) && response.Headers.WwwAuthenticate.Count == 0) mismatches.Add($"{name}, {asker.Name}: without WWW-Authenticate");
            }
        }
        return routes.Count;
    }

    private async Task<int> CommandsAsync(IReadOnlyList<Asker> askers, List<string> mismatches, CancellationToken ct)
    {
        var table = AccessTable.Commands.Select(c => (Line: c.Key, Words: c.Key.Split(' ')[1..], Expected: c.Value)).ToList();
        var leaves = Leaves(commands(), []).Select(p => string.Join(' ', p)).ToList();
        string LeafOf(string[] words) => leaves.Where(l => words.Length >= l.Split(' ').Length && string.Join(' ', words.Take(l.Split(' ').Length)) == l).MaxBy(l => l.Length) ?? string.Join(' ', words);
        Compare("command", leaves, table.Select(t => LeafOf(t.Words)), mismatches);
        string folder = Directory.CreateTempSubdirectory("rag-matrix-").FullName;
        var (output, errors, console) = (System.Console.Out, System.Console.Error, AnsiConsole.Console);
        try
        {
            // What they print is not what is looked at.
            System.Console.SetOut(TextWriter.Null);
            System.Console.SetError(TextWriter.Null);
            AnsiConsole.Console = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(TextWriter.Null) });
            await File.WriteAllTextAsync(Path.Combine(folder, "matrix.txt"), "The matrix was here.", ct);
            int number = 0;
            using (var http = new HttpClient { BaseAddress = address, DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", askers.Single(a => a.Role == "admin").Key) } })
            {
                // What is deleted is looked up first, and must be there.
                using var put = await http.PostAsync("/v1/collections/default/documents", new StringContent("""{"uri":"x","text":"The matrix was here."}""", Encoding.UTF8, "application/json"), ct);
                put.EnsureSuccessStatusCode();
            }
            foreach (var (line, words, expected) in table.Where(t => t.Expected != AccessTable.Alone))
                foreach (var asker in askers)
                {
                    string key = Path.Combine(folder, "key");
                    await File.WriteAllTextAsync(key, asker.Key, ct);
                    string[] arguments = [.. words.Select(w => w switch { "FILE" => Path.Combine(folder, "matrix.txt"), "DIR" => Path.Combine(folder, $"out{++number}"), _ => w }), "--server", address.ToString(), .. asker.Key is null ? Array.Empty<string>() : ["--key", key]];
                    var (refused, answered) = await InvokeAsync(arguments, ct);
                    bool allowed = asker.Role is { } role && AccessTable.Allows(expected, role);
                    if (!refused && !answered) mismatches.Add($"{line} ({expected}), {asker.Name}: it asked the server for nothing");
                    else if (refused == allowed) mismatches.Add($"{line} ({expected}), {asker.Name}: {(refused ? "refused" : "let in")}");
                }
        }
        finally
        {
            System.Console.SetOut(output);
            System.Console.SetError(errors);
            AnsiConsole.Console = console;
            Directory.Delete(folder, recursive: true);
        }
        return table.Count;
    }

    /// <summary>Runs a command until the server has answered it once, by what the server counts.</summary>
    private async Task<(bool Refused, bool Answered)> InvokeAsync(string[] arguments, CancellationToken ct)
    {
        bool refused = false, answered = false;
        using var known = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var listener = new MeterListener();
        var meters = services.GetRequiredService<IMeterFactory>();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Name == "http_requests" && ReferenceEquals(instrument.Meter.Scope, meters)) l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, count, tags, _) =>
        {
            string route = "", status = "", method = "";
            foreach (var (name, value) in tags)
            {
                if (name == "route") route = (string)value!;
                if (name == "status") status = (string)value!;
                if (name == "method") method = (string)value!;
            }
            if (count == 0 || route is "/livez" or "/metrics") return;
            // What a command looks at beside its work it may do without; what it begins with or changes it may not.
            if (status is not ("401" or "403")) answered = true;
            else if (!answered || method != "GET") refused = true;
            // Most ask once; some ask for what they then change, and some go on for long.
            known.CancelAfter(refused ? TimeSpan.Zero : Second);
        });
        listener.Start();
        var parse = commands().Parse(arguments);
        if (parse.Errors.Count > 0) throw new InvalidOperationException($"rag {string.Join(' ', arguments)}: {parse.Errors[0].Message}");
        await parse.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, known.Token);
        // The server counts a request when it is over, which may be after the command has what it asked for.
        for (int look = 0; look < 100 && !refused && !answered; look++) await Task.Delay(20, ct);
        return (refused, answered && !refused);
    }

    private static void Compare(string what, IEnumerable<string> there, IEnumerable<string> written, List<string> mismatches)
    {
        var (has, says) = (there.ToHashSet(), written.ToHashSet());
        mismatches.AddRange(has.Except(says).Select(n => $"the {what} {n} is not in the table"));
        mismatches.AddRange(says.Except(has).Select(n => $"the {what} {n} of the table is not there"));
    }

    private static IEnumerable<string[]> Leaves(Command command, string[] path)
    {
        foreach (var inner in command.Subcommands)
        {
            string[] own = [.. path, inner.Name];
            if (inner.Action is not null) yield return own;
            foreach (string[] leaf in Leaves(inner, own)) yield return leaf;
        }
    }

    private static string Named(string pattern) => ("/" + Parameter().Replace(pattern, "*").Trim('/')) is var path && path.Length > 1 ? path : "/";

    /// <summary>Values that name nothing; the interface's description has one document.</summary>
    private static string Concrete(string pattern) => Named(pattern.Replace("{documentName}", "v1", StringComparison.Ordinal)) is var path ? path.Replace("*", "x", StringComparison.Ordinal) : "";
}
