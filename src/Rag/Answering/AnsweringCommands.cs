using System.CommandLine;
using Rag.Foundation.Commands;
using Rag.Ingestion;
using Spectre.Console;

namespace Rag.Answering;

internal static class AnsweringCommands
{
    public static void AddAnswering(this RootCommand root, CommandContext context)
    {
        var question = new Argument<string>("question") { Description = "What you want to know." };
        var collection = new Option<string?>("--collection") { Description = "Where to look (default: default)." };
        var mode = new Option<string?>("--mode") { Description = "hybrid, lexical or dense." };
        var ask = new Command("ask", "Answer a question, with numbered sources.") { question, collection, mode };
        context.Bind(ask, async (parse, api, ct) =>
        {
            var request = new AskRequest(parse.GetValue(question), parse.GetValue(collection), Options: new(parse.GetValue(mode)));
            var answer = await api.PostAsync("/v1/ask", request, AnsweringJson.Default.AskRequest, AnsweringJson.Default.Answer, ct);
            if (!context.TryJson(parse, answer, AnsweringJson.Default.Answer)) Print(context.Out, answer);
            return 0;
        });
        root.Add(ask);

        var id = new Argument<string>("id") { Description = "The answer's id." };
        var show = new Command("show", "Where an answer came from.") { id };
        context.Bind(show, async (parse, api, ct) =>
        {
            var answer = await api.GetAsync($"/v1/answers/{Uri.EscapeDataString(parse.GetValue(id)!)}", AnsweringJson.Default.Answer, ct);
            if (!context.TryJson(parse, answer, AnsweringJson.Default.Answer)) Print(context.Out, answer);
            return 0;
        });
        var replay = new Command("replay", "The same answer again from the same evidence.") { id };
        context.Bind(replay, async (parse, api, ct) =>
        {
            var result = await api.PostAsync($"/v1/answers/{Uri.EscapeDataString(parse.GetValue(id)!)}/replay", AnsweringJson.Default.ReplayResult, ct);
            if (context.TryJson(parse, result, AnsweringJson.Default.ReplayResult)) return result.Same ? 0 : 1;
            if (result.Same) context.Out.MarkupLineInterpolated($"[green]same[/]: the same evidence gave the same {result.Sources.Count} sentences.");
            else context.Out.MarkupLineInterpolated($"[red]not the same[/]: {result.Difference}");
            return result.Same ? 0 : 1;
        });
        root.Add(new Command("answers", "Look at answers that were given.") { show, replay });
    }

    private static void Print(IAnsiConsole console, Answer answer)
    {
        if (answer.Outcome == Answer.Abstained)
        {
            console.MarkupLineInterpolated($"[yellow]{answer.Text}[/]");
            if (answer.LookedAt.Count > 0) console.MarkupLineInterpolated($"[grey]Looked at:[/]");
            foreach (var place in answer.LookedAt) console.MarkupLineInterpolated($"[grey]  {Where(place.Title, place.HeadingPath, place.Page)} ({place.Uri})[/]");
        }
        foreach (var sentence in answer.Sentences)
        {
            console.Write(new Text(sentence.Text));
            console.MarkupLineInterpolated($" [blue]{string.Concat((sentence.Sources ?? [sentence.Source]).Select(n => $"[{n}]"))}[/]");
        }
        if (answer.Sources.Count > 0) console.WriteLine();
        foreach (var s in answer.Sources)
            console.MarkupLineInterpolated($"[blue][[{s.Number}]][/] {Where(s.Title, s.HeadingPath, s.Page)} [grey]{s.Uri} v{s.Version} {s.Start}–{s.End}[/]");
        if (answer.Generation?.RewrittenQuestion is { } rewritten) console.MarkupLineInterpolated($"[grey]Understood as: {rewritten}[/]");
        if (answer.Sentences.Any(s => s.Kind == AnswerSentence.Composed))
            console.MarkupLineInterpolated($"[grey]Written by {answer.Generation!.Model}, every sentence checked against its sources; {answer.Generation.Withheld} left out.[/]");
        if (answer.DegradedReason is { } reason) console.MarkupLineInterpolated($"[yellow]Degraded: {reason}[/]");
        console.MarkupLineInterpolated($"[grey]answer {answer.Id}[/]");
    }

    private static string Where(string title, string headingPath, int? page) => Chunk.Place(title, headingPath) + (page is { } p ? $", page {p}" : "");
}
