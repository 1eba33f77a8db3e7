using System.CommandLine;
using Microsoft.Extensions.Configuration;
using Rag.Foundation;
using Rag.Foundation.Commands;
using Rag.Inference.Generation;
using Rag.Retrieval;
using Spectre.Console;

namespace Rag.Evaluation;

internal static class EvaluationCommands
{
    /// <param name="configuration">What files, environment and the command's options say together.</param>
    public static void AddEvaluation(this RootCommand root, CommandContext context, Func<ParseResult, IConfiguration> configuration)
    {
        var directory = new Argument<string>("dir") { Description = "A test collection in BEIR layout: corpus.jsonl, queries.jsonl, qrels/test.tsv." };
        var mode = new Option<string?>("--mode") { Description = "hybrid (default), lexical or dense." };
        var answers = new Option<bool>("--answers") { Description = "Also ask its questions and look for the gold answers." };
        var generate = new Option<bool>("--generate") { Description = "Have the language model of the section Generation answer, and look at what it cites; goes with --answers." };
        var foreign = new Option<string?>("--foreign") { Description = "Questions that the collection cannot answer (JSON Lines: _id, text); goes with --answers." };
        var eval = new Command("eval", "Measure retrieval and answers on a test collection, in a scratch store.") { directory, mode, answers, generate, foreign };
        context.BindAlone(eval, async (parse, ct) =>
        {
            if (parse.GetValue(foreign) is not null && !parse.GetValue(answers))
                throw new RagException(ErrorKind.Invalid, "--foreign was given without --answers.", "Add --answers: foreign questions are asked, not searched for.");
            if (parse.GetValue(generate) && !parse.GetValue(answers))
                throw new RagException(ErrorKind.Invalid, "--generate was given without --answers.", "Add --answers: a language model takes part in answers only.");
            if (parse.GetValue(generate) && configuration(parse)["Generation:Provider"] is null or GenerationOptions.None)
                throw new RagException(ErrorKind.Invalid, "--generate was given, and there is no language model.", "Set Generation:Provider, Generation:Endpoint and Generation:Model.");
            var ranked = RetrievalModes.Parse(parse.GetValue(mode));
            var source = await BeirCollection.LoadAsync(parse.GetValue(directory)!, ct);
            var others = parse.GetValue(foreign) is { } path ? await BeirCollection.ReadQueriesAsync(path, ct) : [];
            // Everything is computed, and extracted unless a model was asked for; the data directory of the configuration is not touched.
            var settings = new ConfigurationBuilder().AddConfiguration(configuration(parse)).AddInMemoryCollection([new("Caching:Enabled", "false"), .. parse.GetValue(generate) ? [] : Extracted]).Build();
            EvaluationReport report = await WithProgressAsync(context.Remarks, async progress =>
            {
                await using var store = await ScratchStore.StartNewAsync(settings, ct);
                var evaluator = new Evaluator(store);
                await evaluator.LoadAsync(source, progress, ct);
                var ranking = await evaluator.RankAsync(source, ranked, progress, ct);
                if (!parse.GetValue(answers)) return ranking;
                var own = await evaluator.AskAsync(source, Evaluator.Answerable(source), ranked, progress, ct);
                return Evaluator.WithAnswers(ranking, own, await evaluator.AskAsync(source, others, ranked, progress, ct)) with
                {
                    Generation = parse.GetValue(generate) ? await evaluator.GenerateAsync(source, ranked, progress, ct) : null,
                    Conversations = await evaluator.ConverseAsync(source, ranked, progress, ct),
                };
            });
            bool printed = report is AnswerEvaluationReport answered
                ? context.TryJson(parse, answered, EvaluationJson.Default.AnswerEvaluationReport)
                : context.TryJson(parse, report, EvaluationJson.Default.EvaluationReport);
            if (!printed) Print(context.Out, report);
            return 0;
        });
        root.Add(eval);
    }

    private static readonly KeyValuePair<string, string?>[] Extracted = [new("Generation:Provider", GenerationOptions.None)];

    private static void Print(IAnsiConsole console, EvaluationReport report)
    {
        console.MarkupLineInterpolated($"{report.Collection}, {report.Mode}: {report.Queries} queries");
        console.MarkupLineInterpolated($"  nDCG@10 [blue]{report.NdcgAt10:F4}[/]  recall@100 [blue]{report.RecallAt100:F4}[/]  p50 {report.P50Ms:F1} ms  p95 {report.P95Ms:F1} ms");
        if (report is not AnswerEvaluationReport a) return;
        console.MarkupLineInterpolated($"  of {a.Answerable} answerable questions {a.GoldInAnswer:P1} have their gold in the answer, {a.DeclinedAnswerable:P1} were declined");
        if (a.DeclinedForeign is { } declined) console.MarkupLineInterpolated($"  of {a.Foreign} foreign questions {declined:P1} were declined");
        if (a.Generation is { } g)
        {
            console.MarkupLineInterpolated($"  {g.Model}, {g.Mode}: {g.Questions} questions, {g.Declined:P1} declined, {g.Degraded:P1} degraded; {g.Sentences} sentences");
            if (g.Support is { } support) console.MarkupLineInterpolated($"  of {g.Written} sentences that it wrote {support:P1} are said by what they cite; {g.Withheld} withheld, {g.Replaced} of them replaced");
            console.MarkupLineInterpolated($"  citation precision {g.CitationPrecision:F4}, recall {g.CitationRecall:F4}, by the judged documents");
        }
        if (a.Conversations is { } c)
            console.MarkupLineInterpolated($"  {c.Conversations} conversations, {c.FollowUps} follow-ups: {c.Rewritten:P1} rewritten, {c.Declined:P1} declined; {c.GoldInAnswer:P1} have their gold, {c.GoldWithoutHistory:P1} without the turns before");
    }

    private static Task<EvaluationReport> WithProgressAsync(IAnsiConsole console, Func<IProgress<EvaluationProgress>, Task<EvaluationReport>> run) =>
        console.Progress().AutoClear(true).Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn()).StartAsync(bars =>
        {
            var tasks = new Dictionary<string, ProgressTask>();
            return run(new Reporter(p =>
            {
                lock (tasks)
                {
                    if (!tasks.TryGetValue(p.Stage, out var task)) tasks[p.Stage] = task = bars.AddTask(p.Stage);
                    task.MaxValue = Math.Max(1, p.Total);
                    task.Value = p.Done;
                }
            }));
        });

    /// <summary>Reports at once, in the caller's thread: <see cref="Progress{T}"/> would run behind and out of order.</summary>
    private sealed class Reporter(Action<EvaluationProgress> report) : IProgress<EvaluationProgress>
    {
        public void Report(EvaluationProgress value) => report(value);
    }
}
