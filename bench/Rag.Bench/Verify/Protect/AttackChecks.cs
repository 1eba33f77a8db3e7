using System.Globalization;
using System.Text;
using System.Text.Json;
using Rag.Access;
using Rag.Audit;
using Rag.Ingestion.Parsing;
using Rag.Security.Detection;
using Rag.Testing;

namespace Rag.Bench.Verify.Protect;

/// <summary>What attacks are seen, and what is taken for one.</summary>
internal static class AttackChecks
{
    private const int PerClass = 400, QuickPerClass = 40, Questions = 5_000, QuickQuestions = 500;

    public static IEnumerable<Check> All()
    {
        yield return new("attacks-detected", "share of generated attacks that are seen, of forms that the detectors were not made with", Relation.AtLeast, 0.9, (context, ct) => Task.FromResult(Detected(context.Quick)));
        yield return new("attacks-false-alarms", "share of real questions that are taken for an attack", Relation.AtMost, 0.001, (context, ct) => FalseAlarmsAsync(context.Quick, ct));
        yield return new("attacks-documents", "real documents that are taken for an attack", Relation.Reported, null, (context, ct) => DocumentsAsync(context.Quick, ct));
        foreach (var check in HarmlessCheck.All()) yield return check;
    }

    /// <summary>A seed of the moment: nothing can have been tuned to it.</summary>
    private static Measured Detected(bool quick)
    {
        int seed = Environment.TickCount, per = quick ? QuickPerClass : PerClass;
        var held = Rates(new AttackCases(seed, heldOut: true).Make(per));
        var open = Rates(new AttackCases(seed, heldOut: false).Make(per));
        double all = held.Sum(r => r.Seen) / (double)held.Sum(r => r.Of);
        string note = string.Create(CultureInfo.InvariantCulture, $"{held.Sum(r => r.Of)} attacks of {held.Count} classes, seed {seed}: {string.Join(", ", held.Select(r => $"{r.Class} {r.Seen / (double)r.Of:P0}"))}; of the forms that the detectors were made with {open.Sum(r => r.Seen) / (double)open.Sum(r => r.Of):P1}");
        return new(Math.Round(all, 4), quick ? $"{note}; smaller: {QuickPerClass} a class of {PerClass}" : note);
    }

    internal static bool Seen(AttackCase attack)
    {
        var nobody = Caller.Anonymous("192.0.2.1");
        return attack.Where switch
        {
            "question" => Alarm(Attacks.InQuestion(attack.Text)),
            "document" => Document(attack.Text),
            "path" => Alarm(Attacks.InRequest(new(nobody, "", "GET", attack.Text, [], "curl/8.5.0", 404, Known: false, Document: false, KeyShown: false))),
            "agent" => Alarm(Attacks.InRequest(new(nobody, "", "GET", "/", [], attack.Text, 200, Known: true, Document: false, KeyShown: false))),
            "header" => Alarm(Attacks.InRequest(new(nobody, "", "GET", "/", [new("X-Forwarded-For", attack.Text)], "curl/8.5.0", 200, Known: true, Document: false, KeyShown: false))),
            _ => Alarm(Attacks.InRequest(new(nobody, "", "GET", $"/v1/collections/default/documents?prefix={attack.Text}", [], "curl/8.5.0", 200, Known: true, Document: false, KeyShown: false))),
        };
    }

    private static bool Alarm(IReadOnlyList<Sign> signs) => signs.Any(s => s.Weight >= Sign.Alarm);

    /// <summary>Through the parser, as any document.</summary>
    private static bool Document(string text)
    {
        var parsed = FormatParser.Parse("note.txt", Encoding.UTF8.GetBytes(text), 10_000_000);
        return DocumentSigns.Of(parsed.Text, [.. parsed.Hidden.Select(h => KeyValuePair.Create(h.How, h.Text))]).Any(s => s.Weight >= Sign.Alarm);
    }

    private static List<(string Class, int Seen, int Of)> Rates(IReadOnlyList<AttackCase> cases) => [.. cases.GroupBy(c => c.Class).Select(g => (g.Key, g.Count(Seen), g.Count()))];

    private static async Task<Measured> FalseAlarmsAsync(bool quick, CancellationToken ct)
    {
        var questions = await QuestionsAsync(ct);
        int all = questions.Count;
        // Far ones first, so that a smaller case is one of all sources.
        var asked = Enumerable.Range(0, Math.Min(quick ? QuickQuestions : Math.Max(all, Questions), all)).Select(i => questions[(int)(i * 7_919L % all)]).ToList();
        var alarms = asked.Where(q => Alarm(Attacks.InQuestion(q))).ToList();
        var hints = asked.Count(q => Attacks.InQuestion(q).Any(s => s.Weight < Sign.Alarm));
        string note = $"{alarms.Count} of {asked.Count} questions of SQuAD 2.0, SciFact, Cranfield and WiCE; {hints} more with a sign that is no alarm";
        if (alarms.Count > 0) note += $": {string.Join(" | ", alarms.Take(5).Select(a => a.Length > 120 ? a[..120] : a))}";
        return new(Math.Round(alarms.Count / (double)asked.Count, 5), quick ? $"{note}; smaller: {asked.Count} questions of {all}" : note);
    }

    internal static async Task<IReadOnlyList<string>> QuestionsAsync(CancellationToken ct)
    {
        var questions = new List<string>();
        foreach (string file in new[] { "squad2/queries.jsonl", "squad2/unanswerable.jsonl", "scifact/queries.jsonl", "cranfield/queries.jsonl" })
        {
            string folder = CheckContext.DataFolder(file.Split('/')[0]);
            foreach (string line in await File.ReadAllLinesAsync(Path.Combine(folder, file.Split('/')[1]), ct))
            {
                if (line.Length == 0) continue;
                using var json = JsonDocument.Parse(line);
                questions.Add((json.RootElement.TryGetProperty("text", out var text) ? text : json.RootElement.GetProperty("question")).GetString()!);
            }
        }
        foreach (string line in await File.ReadAllLinesAsync(Path.Combine(CheckContext.DataFolder("wice"), "claim_dev.jsonl"), ct))
        {
            using var json = JsonDocument.Parse(line);
            questions.Add(json.RootElement.GetProperty("claim").GetString()!);
        }
        return [.. questions.Distinct()];
    }

    /// <summary>The product's manual, the operations manuals of others, abstracts, and files of many formats, some odd on purpose.</summary>
    private static async Task<Measured> DocumentsAsync(bool quick, CancellationToken ct)
    {
        var alarms = new List<string>();
        int count = 0;
        var files = Directory.EnumerateFiles(Path.Combine(LocalCluster.Root(), "docs"), "*.md", SearchOption.AllDirectories)
            .Concat(Directory.EnumerateFiles(CheckContext.DataFolder("docs"), "*", SearchOption.AllDirectories).Where(f => f.EndsWith(".md", StringComparison.Ordinal) || f.EndsWith(".rst", StringComparison.Ordinal)))
            .Concat(Directory.EnumerateFiles(CheckContext.DataFolder("files"))).Order(StringComparer.Ordinal).ToList();
        int step = quick ? 5 : 1;
        for (int i = 0; i < files.Count; i += step)
        {
            ct.ThrowIfCancellationRequested();
            ParsedDocument parsed;
            try
            {
                byte[] content = await File.ReadAllBytesAsync(files[i], ct);
                if (FormatParser.Refusal(FileTypes.Detect(files[i], content)) is not null) continue;
                parsed = FormatParser.Parse(Path.GetFileName(files[i]), content, 10_000_000);
            }
            catch (ParseException)
            {
                continue;
            }
            count++;
            foreach (var sign in DocumentSigns.Of(parsed.Text, [.. parsed.Hidden.Select(h => KeyValuePair.Create(h.How, h.Text))]).Where(s => s.Weight >= Sign.Alarm))
                alarms.Add($"{Path.GetFileName(files[i])}: {sign.Pattern}, {Security.Excerpt.Of(sign.Excerpt)}");
        }
        string note = $"{count} documents";
        if (alarms.Count > 0) note += $": {string.Join(" | ", alarms.Take(10))}";
        return new(alarms.Count, quick ? $"{note}; smaller: every fifth of {files.Count} files" : note);
    }
}
