using System.CommandLine;
using System.Globalization;
using Rag.Foundation;
using Rag.Foundation.Commands;
using Spectre.Console;

namespace Rag.Security;

internal static class SecurityCommands
{
    private const string Path = "/admin/v1/security";

    public static void AddSecurity(this RootCommand root, CommandContext context) => root.Add(new Command("security", "Attacks, unusual reading, certificates, weaknesses of dependencies.")
    {
        Events(context), Callers(context), Certificates(context), Scan(context), SbomOf(context), CanaryOf(context),
    });

    private static Command Events(CommandContext context)
    {
        var pattern = new Option<string?>("--pattern") { Description = "Of one pattern, such as sql_injection." };
        var caller = new Option<string?>("--caller") { Description = "Of one caller, as the list shows it." };
        var limit = new Option<int>("--limit") { Description = "How many at most.", DefaultValueFactory = _ => 50 };
        var events = new Command("events", "What looked like an attack or was unusual, newest first.") { pattern, caller, limit };
        context.Bind(events, async (parse, api, ct) =>
        {
            string query = string.Create(CultureInfo.InvariantCulture, $"?limit={parse.GetValue(limit)}")
                + (parse.GetValue(pattern) is { } p ? $"&pattern={Uri.EscapeDataString(p)}" : "") + (parse.GetValue(caller) is { } c ? $"&caller={Uri.EscapeDataString(c)}" : "");
            var list = await api.GetAsync($"{Path}/events{query}", SecurityJson.Default.SecurityEvents, ct);
            if (context.TryJson(parse, list, SecurityJson.Default.SecurityEvents)) return 0;
            foreach (var e in list.Events) context.Out.WriteLine($"{At(e.LastAt)}  {e.Pattern,-20} {e.Count,5} × by {e.Caller}  {e.Excerpt}");
            if (list.Events.Count == 0) context.Out.WriteLine("Nothing was seen.");
            return 0;
        });
        return events;
    }

    private static Command Callers(CommandContext context)
    {
        var callers = new Command("callers", "Callers by what they have done lately, heaviest first.");
        context.Bind(callers, async (parse, api, ct) =>
        {
            var list = await api.GetAsync($"{Path}/callers", SecurityJson.Default.CallerScores, ct);
            if (context.TryJson(parse, list, SecurityJson.Default.CallerScores)) return 0;
            foreach (var c in list.Callers) context.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{c.Score,8:0.0}  {c.Caller}  {c.Name}  last {At(c.LastAt)}  {string.Join(", ", c.Patterns)}"));
            if (list.Callers.Count == 0) context.Out.WriteLine("Nobody has a score.");
            return 0;
        });
        return callers;
    }

    private static Command Certificates(CommandContext context)
    {
        var certificates = new Command("certificates", "Certificates of the server and of what it depends on, first to expire first.");
        context.Bind(certificates, async (parse, api, ct) =>
        {
            var list = await api.GetAsync($"{Path}/certificates", SecurityJson.Default.CertificateList, ct);
            int code = list.Certificates.All(c => c.State == "valid") ? 0 : 1;
            if (context.TryJson(parse, list, SecurityJson.Default.CertificateList)) return code;
            foreach (var c in list.Certificates)
            {
                string colour = c.State switch { "valid" => "green", "expiring" => "yellow", _ => "red" };
                string facts = c.NotAfter is { } end ? string.Create(CultureInfo.InvariantCulture, $"{At(end)}, {c.DaysLeft:0.#} days left, {c.Subject}, by {c.Issuer}{(c.Problem is { } p ? $". {p}" : "")}") : c.Problem ?? "";
                context.Out.MarkupLine($"[{colour}]{c.State,-8}[/]  {Markup.Escape($"{c.Name,-12} {c.At}  {facts}")}");
            }
            if (list.Certificates.Count == 0) context.Out.WriteLine("Nothing that is configured speaks TLS.");
            return code;
        });
        return certificates;
    }

    private static Command Scan(CommandContext context)
    {
        var last = new Option<bool>("--last") { Description = "Show the last scan and make no new one." };
        var scan = new Command("scan", "Hold what is shipped against the advisories; 0 clean, 1 findings or unknown.") { last };
        context.Bind(scan, async (parse, api, ct) =>
        {
            SecurityScan? result = parse.GetValue(last)
                ? (await api.GetAsync($"{Path}/scans", SecurityJson.Default.SecurityScans, ct)).Scans.FirstOrDefault()
                : await api.PostAsync($"{Path}/scans", SecurityJson.Default.SecurityScan, ct);
            if (result is null) throw new RagException(ErrorKind.NotFound, "There was no scan yet.", "Leave out --last to make one.");
            int code = result.Result == SecurityScan.Clean ? 0 : 1;
            if (context.TryJson(parse, result, SecurityJson.Default.SecurityScan)) return code;
            context.Out.MarkupLine($"[{(code == 0 ? "green" : "red")}]{result.Result}[/]  {Markup.Escape(result.Why)}");
            foreach (var f in result.Findings) context.Out.WriteLine($"{f.Severity,-9} {f.Package} {f.Version}: {f.Advisory} {f.Summary}{(f.Fixed is { } to ? $"; mended in {to}" : "")}  {f.Url}");
            context.Out.WriteLine($"{result.Packages} packages against {result.Advisories} advisories{(result.NewestAt is { } at ? $", the newest of {at:yyyy-MM-dd}" : "")}, at {At(result.At)}.");
            return code;
        });
        return scan;
    }

    private static Command SbomOf(CommandContext context)
    {
        var output = new Option<FileInfo?>("--output") { Description = "File to write to; without it, it is printed." };
        var sbom = new Command("sbom", "What is shipped, as CycloneDX 1.6 JSON.") { output };
        context.Bind(sbom, async (parse, api, ct) =>
        {
            string text = await api.GetTextAsync($"{Path}/sbom", ct);
            if (parse.GetValue(output) is not { } file)
            {
                await Console.Out.WriteLineAsync(text);
                return 0;
            }
            try
            {
                await File.WriteAllTextAsync(file.FullName, text, ct);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new RagException(ErrorKind.Invalid, $"{file.FullName} cannot be written: {e.Message}", "Name a file in a folder that you may write to.");
            }
            context.Out.WriteLine(file.FullName);
            return 0;
        });
        return sbom;
    }

    private static Command CanaryOf(CommandContext context)
    {
        var collection = new Option<string>("--collection") { Description = "Collection (default: default).", DefaultValueFactory = _ => "default" };
        var document = new Option<string?>("--document") { Description = "Id of a document that is there." };
        var title = new Option<string?>("--title") { Description = "Title of a document that is to be made." };
        var text = new Option<FileInfo?>("--text") { Description = "File with the text of the document that is to be made; without it, one is written." };
        var note = new Option<string?>("--note") { Description = "Why it is there, for whoever is called when it is read." };
        var add = new Command("add", "Mark a document as one that nobody has a reason to read, or make one.") { collection, document, title, text, note };
        context.Bind(add, async (parse, api, ct) =>
        {
            string? content = parse.GetValue(text) is not { } file ? null : file.Exists ? await File.ReadAllTextAsync(file.FullName, ct) : throw new RagException(ErrorKind.NotFound, $"There is no file {file.FullName}.", "Name a file with the text.");
            var canary = await api.PostAsync($"{Path}/canaries", new(parse.GetValue(collection)!, parse.GetValue(document), parse.GetValue(title), content, parse.GetValue(note)), SecurityJson.Default.NewCanary, SecurityJson.Default.Canary, ct);
            if (!context.TryJson(parse, canary, SecurityJson.Default.Canary)) Print(context.Out, canary);
            return 0;
        });
        var list = new Command("list", "Documents that nobody has a reason to read.");
        context.Bind(list, async (parse, api, ct) => Print(context, parse, await api.GetAsync($"{Path}/canaries", SecurityJson.Default.CanaryList, ct)));
        var id = new Argument<string>("DOCUMENT") { Description = "Id of the document, as the list shows it." };
        var remove = new Command("remove", "Let it be read like any other; the document stays.") { id };
        context.Bind(remove, async (parse, api, ct) => Print(context, parse, await api.DeleteAsync($"{Path}/canaries/{Uri.EscapeDataString(parse.GetValue(id)!)}", SecurityJson.Default.CanaryList, ct)));
        return new Command("canary", "Documents whose reading is an alarm.") { add, list, remove };
    }

    private static int Print(CommandContext context, ParseResult parse, CanaryList canaries)
    {
        if (context.TryJson(parse, canaries, SecurityJson.Default.CanaryList)) return 0;
        foreach (var c in canaries.Canaries) Print(context.Out, c);
        if (canaries.Canaries.Count == 0) context.Out.WriteLine("There is no canary.");
        return 0;
    }

    private static void Print(IAnsiConsole console, Canary c) => console.WriteLine($"{c.Document}  {c.Collection}  {c.Title}  since {At(c.AddedAt)}  {c.Note}");

    private static string At(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
}
