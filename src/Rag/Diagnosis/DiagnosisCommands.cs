using System.CommandLine;
using System.Net.Http.Json;
using Microsoft.Extensions.Configuration;
using Rag.Foundation;
using Rag.Foundation.Commands;
using Rag.Storage;
using Spectre.Console;

namespace Rag.Diagnosis;

/// <summary><c>rag doctor</c>: it asks the server, and works where there is none.</summary>
internal static class DiagnosisCommands
{
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(5), AnswerLimit = TimeSpan.FromSeconds(90), LongAnswerLimit = TimeSpan.FromMinutes(6);

    /// <param name="configure">The configuration that the options of a command make.</param>
    public static void AddDiagnosis(this RootCommand root, CommandContext context, Func<ParseResult, IConfiguration> configure)
    {
        var area = new Argument<string?>("AREA") { Description = $"One of {string.Join(", ", Areas.All)} (default: all of them, quickly).", Arity = ArgumentArity.ZeroOrOne };
        area.AcceptOnlyFromAmong([.. Areas.All]);
        var heap = new Option<bool>("--heap") { Description = "Also the largest types on the server's heap; it stands still while they are counted." };
        var verify = new Option<bool>("--verify") { Description = "Also compare the index with the record." };
        var doctor = new Command("doctor", "What is wrong, why, what to do; it works without a server too.") { area, heap, verify };
        context.BindAlone(doctor, async (parse, ct) =>
        {
            var request = Doctor.Request(parse.GetValue(area) is { } name ? [name] : null, parse.GetValue(heap), parse.GetValue(verify));
            var report = await context.Remarks.Status().StartAsync("Looking…", _ => LookAsync(context, parse, configure, request, ct));
            if (!context.TryJson(parse, report, DiagnosisJson.Default.DoctorReport)) Print(context.Out, report);
            return report.NeedsSomebody ? 1 : 0;
        });
        root.Add(doctor);
    }

    private static async Task<DoctorReport> LookAsync(CommandContext context, ParseResult parse, Func<ParseResult, IConfiguration> configure, DoctorRequest request, CancellationToken ct)
    {
        string? named = parse.GetValue(context.Server);
        bool given = parse.GetValue(context.Data) is not null || parse.GetValue(context.Set) is { Length: > 0 };
        if (named is not null)
        {
            if (!Uri.TryCreate(named, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
                throw new RagException(ErrorKind.Invalid, $"'{named}' is not the address of a server.", "Write it as http://127.0.0.1:8080.");
            var (report, why) = await AskAsync(address, parse.GetValue(context.Key), request, ct);
            if (report is not null) return report;
            // What else there is to look at is the configuration, if one was given.
            var alone = given ? (await AloneAsync(configure, parse, request, ct)).Findings : [];
            return DoctorReport.Of(request.Areas, alone.Append(why!));
        }
        // A server on this data directory knows more than its configuration.
        if (RunningAt(configure, parse) is not { } running) return await AloneAsync(configure, parse, request, ct);
        var (found, unanswered) = await AskAsync(running, parse.GetValue(context.Key), request, ct);
        // It announced itself and did not take that back: it was killed, or hangs.
        return found ?? DoctorReport.Of(request.Areas, (await AloneAsync(configure, parse, request, ct)).Findings.Append(unanswered!));
    }

    private static async Task<(DoctorReport? Report, Finding? Why)> AskAsync(Uri server, string? key, DoctorRequest request, CancellationToken ct)
    {
        using var handler = new SocketsHttpHandler { ConnectTimeout = ConnectLimit };
        using var http = new HttpClient(handler) { BaseAddress = server, Timeout = request.Heap || request.Verify ? LongAnswerLimit : AnswerLimit };
        ServerKey.Show(http, key);
        try
        {
            // What hangs is to be told from what takes its time.
            using (var limit = CancellationTokenSource.CreateLinkedTokenSource(ct))
            {
                limit.CancelAfter(ConnectLimit);
                using var lives = await http.GetAsync("/livez", limit.Token);
                lives.EnsureSuccessStatusCode();
            }
            string areas = request.Thorough ? string.Join('&', request.Areas.Select(a => $"area={a}")) : "";
            return (await new ApiClient(http).GetAsync($"/admin/v1/doctor?{areas}&heap={request.Heap}&verify={request.Verify}", DiagnosisJson.Default.DoctorReport, ct), null);
        }
        catch (Exception e) when (e is HttpRequestException or RagException { Kind: ErrorKind.Unavailable } || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return (null, ServerFinding.Of(server, e));
        }
    }

    private static async Task<DoctorReport> AloneAsync(Func<ParseResult, IConfiguration> configure, ParseResult parse, DoctorRequest request, CancellationToken ct)
    {
        IConfiguration configuration;
        try
        {
            configuration = configure(parse);
        }
        catch (RagException e)
        {
            return DoctorReport.Of(request.Areas, [new(Areas.Configuration, Severity.Critical, "configuration.unreadable", e.Message, e.Remedy, "No server starts with it.", "rag config check")]);
        }
        return await AloneDoctor.LookAsync(configuration, request, ct);
    }

    private static Uri? RunningAt(Func<ParseResult, IConfiguration> configure, ParseResult parse)
    {
        try
        {
            string folder = new ConfigurationSections(configure(parse)).Bind<StorageOptions>().DataDirectory;
            string address = DataDirectory.ReadAddress(folder);
            return Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" ? uri : null;
        }
        catch (RagException)
        {
            // The configuration cannot be read: that is said where it is looked at.
            return null;
        }
    }

    private static void Print(IAnsiConsole console, DoctorReport report)
    {
        foreach (var group in report.Findings.GroupBy(f => f.Area))
        {
            console.MarkupLineInterpolated($"[bold]{group.Key}[/]");
            foreach (var f in group)
            {
                string colour = f.Severity switch { Severity.Critical => "red", Severity.Warning => "yellow", Severity.Notice => "blue", _ => "green" };
                console.MarkupLine($"  [{colour}]{f.Severity,-8}[/] {Markup.Escape(f.What)} [grey]({Markup.Escape(f.Name)})[/]");
                foreach (string line in new[] { f.Evidence, f.Meaning }.Where(l => l.Length > 0)) console.MarkupLineInterpolated($"           {line}");
                if (f.Next is { } next) console.MarkupLineInterpolated($"           next: [bold]{next}[/]");
            }
        }
    }
}
