using System.CommandLine;
using Rag.Foundation.Commands;
using Rag.Ingestion;
using Spectre.Console;

namespace Rag.Retrieval;

internal static class RetrievalCommands
{
    private const int ShownChars = 240;

    public static void AddRetrieval(this RootCommand root, CommandContext context)
    {
        var query = new Argument<string>("query") { Description = "What to look for." };
        var k = new Option<int>("-k") { Description = "How many results.", DefaultValueFactory = _ => 10 };
        var mode = new Option<string?>("--mode") { Description = "hybrid, lexical or dense." };
        var collection = new Option<string?>("--collection") { Description = "Where to look (default: default)." };
        var by = new Option<string?>("--by") { Description = "chunk (default) or document." };
        var search = new Command("search", "Find passages.") { query, k, mode, collection, by };
        context.Bind(search, async (parse, api, ct) =>
        {
            var request = new SearchRequest(parse.GetValue(query), parse.GetValue(collection), parse.GetValue(k), parse.GetValue(mode), parse.GetValue(by));
            var response = await api.PostAsync("/v1/search", request, RetrievalJson.Default.SearchRequest, RetrievalJson.Default.SearchResponse, ct);
            if (context.TryJson(parse, response, RetrievalJson.Default.SearchResponse)) return 0;
            if (response.Hits.Count == 0) context.Out.MarkupLine("[yellow]Nothing found.[/]");
            foreach (var hit in response.Hits)
            {
                context.Out.MarkupLineInterpolated($"[blue]{hit.Score:F3}[/] {Chunk.Place(hit.Title, hit.HeadingPath)} [grey]{hit.Uri} v{hit.Version} {hit.Start}–{hit.End}[/]");
                context.Out.WriteLine("      " + (hit.Text.Length <= ShownChars ? hit.Text : hit.Text[..ShownChars] + "…").ReplaceLineEndings(" "));
            }
            if (response.DegradedReason is { } reason) context.Out.MarkupLineInterpolated($"[yellow]Degraded: {reason}[/]");
            return 0;
        });
        root.Add(search);
    }
}
