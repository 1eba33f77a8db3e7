using System.ComponentModel;
using System.Data.Common;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Rag.Access;
using Rag.Answering;
using Rag.Audit;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Retrieval;
using Rag.Storage;

namespace Rag.Protocols;

internal sealed record FoundDocuments(IReadOnlyList<FoundDocument> Results);

/// <param name="Id">What <c>fetch</c> takes.</param>
/// <param name="Text">The passage that fits best.</param>
internal sealed record FoundDocument(string Id, string Title, string Url, string Text);

/// <param name="Text">The extracted text of the current version, up to the bound.</param>
internal sealed record FetchedDocument(string Id, string Title, string Text, string Url, IReadOnlyDictionary<string, string> Metadata);

/// <summary>What is not there is written as null: clients hold results against the schema, in which every member is required.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(FoundDocuments))]
[JsonSerializable(typeof(FetchedDocument))]
[JsonSerializable(typeof(Answer))]
internal sealed partial class McpJson : JsonSerializerContext;

/// <summary>
/// The tools of the Model Context Protocol. <c>search</c> and <c>fetch</c> have the shapes that research clients expect: one
/// text block that holds the result as JSON, and the same as structured content.
/// </summary>
[McpServerToolType]
internal sealed class McpTools(
    Answerer answerer, PassageSearch search, CollectionCatalog catalog, Library library, DocumentRecord documents, SecurityFeed security, Database database, ServerOptions server, IHttpContextAccessor http)
{
    private const int MaxResults = 20, MaxCollections = 16, MaxTextChars = 200_000;

    /// <summary>Between the collection's name, which has none, and the document's id.</summary>
    private const char IdSeparator = ':';

    public const string Instructions =
        "Answers from an organisation's own documents. Use 'ask' for a question: it gives sentences with the exact spans they come from, or says that the documents do not answer. Use 'search' to find documents and 'fetch' to read one.";

    [McpServerTool(Name = "search", Title = "Search documents", ReadOnly = true, Destructive = false, Idempotent = true, OpenWorld = false, UseStructuredContent = true, OutputSchemaType = typeof(FoundDocuments))]
    [Description("Finds the documents that fit a query best, in every collection that you may read, or in one.")]
    public Task<CallToolResult> SearchAsync(
        [Description("What to look for.")] string query, [Description("Only in the collection of this name.")] string? collection = null, CancellationToken ct = default) => GuardAsync(async token =>
        {
            security.Question(query, Actor.Current, Activity.Current);
            // From the index, not the record: searching goes on while the record is away.
            IReadOnlyList<string> names = collection is not null ? [collection] : [.. catalog.All.Where(c => Caller.Current.MayRead(c.Id)).Take(MaxCollections).Select(c => c.Name)];
            var found = new List<(double Score, FoundDocument Document)>();
            foreach (string name in names)
            {
                var response = await search.FindAsync(new(query, name, MaxResults, By: "document"), token);
                found.AddRange(response.Hits.Select(h => (h.Score, new FoundDocument($"{name}{IdSeparator}{h.Document}", h.Title, Url(name, h.Document, h.Uri), h.Text))));
            }
            return Result(new FoundDocuments([.. found.OrderByDescending(f => f.Score).Take(MaxResults).Select(f => f.Document)]), McpJson.Default.FoundDocuments);
        }, ct);

    [McpServerTool(Name = "fetch", Title = "Read a document", ReadOnly = true, Destructive = false, Idempotent = true, OpenWorld = false, UseStructuredContent = true, OutputSchemaType = typeof(FetchedDocument))]
    [Description("The text of a document that 'search' found.")]
    public Task<CallToolResult> FetchAsync([Description("The id that 'search' gave.")] string id, CancellationToken ct = default) => GuardAsync(async token =>
    {
        int at = id.IndexOf(IdSeparator, StringComparison.Ordinal);
        if (at < 1) throw new RagException(ErrorKind.Invalid, $"'{id}' is not an id that 'search' gives.", "Search first.");
        var collection = await library.GetAsync(id[..at], token);
        var document = await library.GetAsync(collection, id[(at + 1)..], token);
        string text = await documents.TextAsync(document.Id, document.Version, token) ?? throw new RagException(ErrorKind.NotFound, $"The text of '{id}' is not kept.", "Search again.");
        library.Shown("read", collection, document);
        var metadata = new Dictionary<string, string> { ["collection"] = collection.Name, ["uri"] = document.Uri, ["version"] = $"{document.Version}", ["media_type"] = document.MediaType };
        if (text.Length > MaxTextChars)
        {
            metadata["truncated"] = $"the first {MaxTextChars} of {text.Length} characters";
            text = text[..(char.IsHighSurrogate(text[MaxTextChars - 1]) ? MaxTextChars - 1 : MaxTextChars)];
        }
        return Result(new FetchedDocument(id, document.Title, text, Url(collection.Name, document.Id, document.Uri), metadata), McpJson.Default.FetchedDocument);
    }, ct);

    [McpServerTool(Name = "ask", Title = "Ask the documents", ReadOnly = true, Destructive = false, Idempotent = true, OpenWorld = false, UseStructuredContent = true, OutputSchemaType = typeof(Answer))]
    [Description("Answers a question with sentences from the documents, each with the exact span it comes from, or says that they do not answer it.")]
    public Task<CallToolResult> AskAsync(
        [Description("The question, complete in itself.")] string question, [Description("The collection to answer from; 'default' when left out.")] string? collection = null, CancellationToken ct = default) => GuardAsync(async token =>
        {
            var (rendered, cached) = await answerer.AskAsync(new(question, collection), token);
            var answer = rendered.Given(cached);
            var result = Result(answer, McpJson.Default.Answer);
            result.Content = [new TextContentBlock { Text = Text(answer) }];
            return result;
        }, ct);

    private static string Text(Answer answer)
    {
        if (answer.Sentences.Count == 0) return answer.Text;
        var lines = answer.Sentences.Select(s => $"{s.Text} {string.Concat((s.Sources ?? [s.Source]).Select(n => $"[{n}]"))}").Append("").Concat(answer.Sources.Select(s => $"[{s.Number}] {s.Title}{(s.HeadingPath.Length > 0 && s.HeadingPath != s.Title ? $", {s.HeadingPath}" : "")} ({s.Uri})"));
        return string.Join('\n', lines);
    }

    private static CallToolResult Result<T>(T value, JsonTypeInfo<T> type) => new()
    {
        Content = [new TextContentBlock { Text = JsonSerializer.Serialize(value, type) }],
        StructuredContent = JsonSerializer.SerializeToElement(value, type),
    };

    private string Url(string collection, string document, string uri) => DocumentLinks.Of(http.HttpContext!.Request, collection, document, uri);

    /// <summary>What goes wrong is told to whoever called the tool, with what to do; nothing of an unexpected error is.</summary>
    private async Task<CallToolResult> GuardAsync(Func<CancellationToken, ValueTask<CallToolResult>> work, CancellationToken ct)
    {
        try
        {
            return await TimeBudget.RunAsync(server.QuestionTimeoutMs, work, static (w, token) => w(token), ct);
        }
        catch (RagException e)
        {
            return Failure(e);
        }
        catch (DbException e)
        {
            return Failure(database.Translate(e));
        }
    }

    private static CallToolResult Failure(RagException e) => new() { IsError = true, Content = [new TextContentBlock { Text = $"{e.Message} {e.Remedy}" }] };
}
