using System.Globalization;
using System.Text.Json;
using Rag.Foundation;

namespace Rag.Evaluation;

internal sealed record BeirDocument(string Id, string Title, string Text);

internal sealed record BeirQuery(string Id, string Text);

/// <param name="Answers">Gold answers; empty where there are none.</param>
internal sealed record ConversationTurn(string Question, IReadOnlyList<string> Answers);

internal sealed record Conversation(string Id, IReadOnlyList<ConversationTurn> Turns);

/// <summary>
/// A test collection in BEIR layout (Thakur et al. 2021): corpus.jsonl, queries.jsonl, qrels/test.tsv. Gold answers,
/// where the collection has them, come from answers.jsonl (<c>_id</c>, <c>answers</c>) or a SQuAD 2.0 file; conversations from
/// conversations.jsonl (<c>_id</c>, <c>turns</c> of <c>question</c> and <c>answers</c>).
/// </summary>
internal sealed record BeirCollection(
    string Name, IReadOnlyList<BeirDocument> Corpus, IReadOnlyList<BeirQuery> Queries,
    IReadOnlyDictionary<string, IReadOnlyDictionary<string, int>> Judgments,
    IReadOnlyDictionary<string, IReadOnlyList<string>> Answers)
{
    public IReadOnlyList<Conversation> Conversations { get; init; } = [];

    public static async Task<BeirCollection> LoadAsync(string directory, CancellationToken ct)
    {
        string corpusPath = Path.Combine(directory, "corpus.jsonl");
        if (!File.Exists(corpusPath))
            throw new RagException(ErrorKind.NotFound, $"{directory} is not a test collection: it has no corpus.jsonl.", "Name a folder in BEIR layout: corpus.jsonl, queries.jsonl, qrels/test.tsv.");
        var corpus = await ReadAsync(corpusPath, e => new BeirDocument(Text(e, "_id"), Text(e, "title"), Text(e, "text")), ct);
        var queries = await ReadQueriesAsync(Path.Combine(directory, "queries.jsonl"), ct);
        var judgments = await ReadJudgmentsAsync(Path.Combine(directory, "qrels", "test.tsv"), ct);
        var answers = await ReadAnswersAsync(directory, ct);
        return new(Path.GetFileName(Path.GetFullPath(directory).TrimEnd(Path.DirectorySeparatorChar)), corpus, queries, judgments, answers)
        {
            Conversations = await ReadConversationsAsync(Path.Combine(directory, "conversations.jsonl"), ct),
        };
    }

    /// <summary>Questions of a JSON Lines file: <c>_id</c> (or its line number) and <c>text</c>.</summary>
    public static Task<IReadOnlyList<BeirQuery>> ReadQueriesAsync(string path, CancellationToken ct) =>
        ReadAsync(path, e => new BeirQuery(Text(e, "_id"), Text(e, "text")), ct);

    private static async Task<IReadOnlyList<T>> ReadAsync<T>(string path, Func<JsonElement, T> map, CancellationToken ct)
    {
        if (!File.Exists(path)) throw new RagException(ErrorKind.NotFound, $"There is no file {path}.", "Name an existing JSON Lines file.");
        var items = new List<T>();
        int line = 0;
        await foreach (string text in File.ReadLinesAsync(path, ct))
        {
            line++;
            if (string.IsNullOrWhiteSpace(text)) continue;
            try
            {
                using var json = JsonDocument.Parse(text);
                items.Add(map(json.RootElement));
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                throw new RagException(ErrorKind.Invalid, $"{path}, line {line}, is not the JSON object that was expected: {e.Message}", "Mend that line.", e);
            }
        }
        return items;
    }

    private static async Task<IReadOnlyList<Conversation>> ReadConversationsAsync(string path, CancellationToken ct) => !File.Exists(path) ? [] : await ReadAsync(path, e => new Conversation(
        Text(e, "_id"),
        e.TryGetProperty("turns", out var turns) && turns.ValueKind == JsonValueKind.Array
            ? [.. turns.EnumerateArray().Select(t => new ConversationTurn(Text(t, "question"), t.TryGetProperty("answers", out var gold) ? [.. gold.EnumerateArray().Select(a => a.GetString() ?? "")] : []))]
            : throw new InvalidOperationException("it has no turns")), ct);

    private static string Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) ? value.ValueKind == JsonValueKind.String ? value.GetString()! : value.ToString() : "";

    private static async Task<IReadOnlyDictionary<string, IReadOnlyDictionary<string, int>>> ReadJudgmentsAsync(string path, CancellationToken ct)
    {
        if (!File.Exists(path)) throw new RagException(ErrorKind.NotFound, $"There is no file {path}.", "A test collection has its judgments there, tab-separated: query-id, corpus-id, score.");
        var judgments = new Dictionary<string, IReadOnlyDictionary<string, int>>();
        await foreach (string line in File.ReadLinesAsync(path, ct))
        {
            string[] parts = line.Split('\t');
            if (parts.Length < 3 || !int.TryParse(parts[2], NumberStyles.Integer, CultureInfo.InvariantCulture, out int score)) continue;
            if (!judgments.TryGetValue(parts[0], out var of)) judgments[parts[0]] = of = new Dictionary<string, int>();
            ((Dictionary<string, int>)of)[parts[1]] = score;
        }
        return judgments;
    }

    private static async Task<IReadOnlyDictionary<string, IReadOnlyList<string>>> ReadAnswersAsync(string directory, CancellationToken ct)
    {
        var answers = new Dictionary<string, IReadOnlyList<string>>();
        string lines = Path.Combine(directory, "answers.jsonl");
        if (File.Exists(lines))
        {
            var read = await ReadAsync(lines, e => (Id: Text(e, "_id"), Gold: e.GetProperty("answers").EnumerateArray().Select(a => a.GetString() ?? "").ToList()), ct);
            foreach (var (id, gold) in read) answers[id] = gold;
            return answers;
        }
        foreach (string path in Directory.EnumerateFiles(directory, "*.json").Order())
        {
            await using var stream = File.OpenRead(path);
            using var json = await JsonDocument.ParseAsync(stream, cancellationToken: ct);
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("data", out var data)) continue;
            foreach (var article in data.EnumerateArray())
                foreach (var paragraph in article.GetProperty("paragraphs").EnumerateArray())
                    foreach (var qa in paragraph.GetProperty("qas").EnumerateArray())
                    {
                        var gold = qa.GetProperty("answers").EnumerateArray().Select(a => a.GetProperty("text").GetString() ?? "").Where(a => a.Length > 0).Distinct().ToList();
                        if (gold.Count > 0) answers[qa.GetProperty("id").GetString()!] = gold;
                    }
        }
        return answers;
    }
}
