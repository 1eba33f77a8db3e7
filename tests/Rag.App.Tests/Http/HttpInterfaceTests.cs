using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Rag.App.Tests.Http;

public sealed class HttpInterfaceTests(HttpServer server) : IClassFixture<HttpServer>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_answer_carries_spans_of_the_extracted_text()
    {
        await server.PutAsync("birds", ("heron.txt", "Herons stand in shallow water. They wait for fish. Größe: 90 cm, 😀 sind sie."));
        var answer = await HttpServer.JsonAsync(await server.AskAsync(new { question = "Where do herons stand?", collection = "birds" }));
        answer.GetProperty("outcome").GetString().ShouldBe("answered");
        foreach (var source in answer.GetProperty("sources").EnumerateArray())
        {
            string text = await server.Http.GetStringAsync($"/v1/collections/birds/documents/{source.GetProperty("document").GetString()}/text?version={source.GetProperty("version").GetInt64()}", Cancel);
            text[source.GetProperty("start").GetInt32()..source.GetProperty("end").GetInt32()].ShouldBe(source.GetProperty("quote").GetString());
        }
        var shown = await server.Http.GetFromJsonAsync<JsonElement>($"/v1/answers/{answer.GetProperty("id").GetString()}", Cancel);
        shown.GetProperty("answer").GetString().ShouldBe(answer.GetProperty("answer").GetString());
        var replay = await HttpServer.JsonAsync(await server.Http.PostAsync($"/v1/answers/{answer.GetProperty("id").GetString()}/replay", null, Cancel));
        replay.GetProperty("same").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task A_streamed_answer_sends_each_sentence_and_then_the_whole()
    {
        await server.PutAsync("stream", ("egret.txt", "Egrets are white. Egrets are white birds of the marsh."));
        string body = await (await server.AskAsync(new { question = "What colour are egrets: white?", collection = "stream", stream = true })).Content.ReadAsStringAsync(Cancel);
        var events = body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(e => e.Split('\n')[0]).ToList();
        events.Last().ShouldBe("event: answer");
        events.SkipLast(1).ShouldAllBe(e => e == "event: sentence");
        events.Count.ShouldBeGreaterThan(1);
    }

    [Theory]
    [InlineData("{\"question\":\"\"}", 400, "invalid")]
    [InlineData("{\"question\":", 400, "invalid")]
    [InlineData("[]", 400, "invalid")]
    [InlineData("{\"question\":\"a\",\"collection\":\"absent\"}", 404, "not_found")]
    [InlineData("{\"question\":\"a\",\"options\":{\"mode\":\"psychic\"}}", 400, "invalid")]
    public async Task A_wrong_question_gets_a_problem_with_a_remedy(string body, int status, string type)
    {
        using var response = await server.Http.PostAsync("/v1/ask", new StringContent(body, Encoding.UTF8, "application/json"), Cancel);
        ((int)response.StatusCode).ShouldBe(status);
        response.Content.Headers.ContentType?.MediaType.ShouldBe("application/problem+json");
        var problem = await HttpServer.JsonAsync(response);
        problem.GetProperty("type").GetString().ShouldBe("urn:rag-system:problem:" + type);
        problem.GetProperty("remedy").GetString().ShouldNotBeNullOrWhiteSpace();
    }

    [Fact]
    public async Task Limits_are_checked()
    {
        (await server.AskAsync(new { question = new string('a', 2001) })).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await server.AskAsync(new { question = new string('a', 70_000) })).StatusCode.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
        (await server.Http.PostAsJsonAsync("/v1/search", new { query = "a", k = 1001 }, Cancel)).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await server.Http.GetAsync("/v1/collections/default/documents?limit=501", Cancel)).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await server.Http.PutAsJsonAsync("/v1/collections/Not%20A%20Name", new { }, Cancel)).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await server.Http.PutAsJsonAsync("/v1/collections/klingon", new { language = "klingon" }, Cancel)).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task Files_come_as_multipart_and_each_gets_its_outcome()
    {
        using var form = new MultipartFormDataContent
        {
            { new ByteArrayContent("Storks bring luck."u8.ToArray()), "files", "folder/stork.txt" },
            { new ByteArrayContent([0x25, 0x50, 0x44, 0x46, 0x2D, 0x31, 0x2E, 0x37, 0x0A]), "files", "broken.pdf" },
        };
        using var response = await server.Http.PostAsync("/v1/collections/multi/documents", form, Cancel);
        var files = (await HttpServer.JsonAsync(response)).GetProperty("files").EnumerateArray().ToList();
        files.Select(f => (f.GetProperty("uri").GetString(), f.GetProperty("status").GetString())).ShouldBe([("folder/stork.txt", "created"), ("broken.pdf", "failed")]);
        files[1].GetProperty("reason").GetString().ShouldBe("broken");
        files[1].GetProperty("message").GetString().ShouldNotBeNullOrWhiteSpace();
    }

    [Fact]
    public async Task A_write_can_be_waited_for()
    {
        var written = await HttpServer.JsonAsync(await server.Http.PostAsJsonAsync("/v1/collections/wait/documents", new { uri = "a.txt", text = "Cranes fly south in autumn." }, Cancel));
        var found = await HttpServer.JsonAsync(await server.Http.PostAsJsonAsync("/v1/search", new { query = "cranes", collection = "wait", wait_for = written.GetProperty("position").GetInt64() }, Cancel));
        found.GetProperty("hits").GetArrayLength().ShouldBe(1);
        found.GetProperty("index_position").GetInt64().ShouldBeGreaterThanOrEqualTo(written.GetProperty("position").GetInt64());
    }

    [Fact]
    public async Task The_same_key_writes_once_and_another_request_with_it_is_refused()
    {
        var first = await SendAsync("one");
        var second = await SendAsync("one");
        (await second.Content.ReadAsStringAsync(Cancel)).ShouldBe(await first.Content.ReadAsStringAsync(Cancel));
        (await SendAsync("two")).StatusCode.ShouldBe(HttpStatusCode.Conflict);

        Task<HttpResponseMessage> SendAsync(string text)
        {
            var request = new HttpRequestMessage(HttpMethod.Post, "/v1/collections/keys/documents") { Content = JsonContent.Create(new { uri = "k.txt", text }) };
            request.Headers.Add("Idempotency-Key", "5b1c7b0e");
            return server.Http.SendAsync(request, Cancel);
        }
    }

    [Fact]
    public async Task A_document_lives_from_put_to_delete()
    {
        var created = await server.PutAsync("life", ("a.txt", "The first text of all."));
        string path = "/v1/collections/life/documents/" + created.GetProperty("files")[0].GetProperty("id").GetString();
        using var content = new ByteArrayContent("The second text of all."u8.ToArray());
        content.Headers.ContentType = new MediaTypeHeaderValue("text/plain");
        (await server.Http.PutAsync(path, content, Cancel)).EnsureSuccessStatusCode();
        var document = await server.Http.GetFromJsonAsync<JsonElement>(path, Cancel);
        document.GetProperty("version").GetInt64().ShouldBe(2);
        document.GetProperty("versions").GetArrayLength().ShouldBe(2);
        (await server.Http.GetStringAsync(path + "/text?version=1", Cancel)).ShouldBe("The first text of all.");
        (await server.Http.DeleteAsync(path, Cancel)).EnsureSuccessStatusCode();
        (await server.Http.GetAsync(path, Cancel)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await server.Http.GetAsync(path + "/text", Cancel)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await server.Http.DeleteAsync(path, Cancel)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Documents_are_listed_a_page_at_a_time()
    {
        await server.PutAsync("pages", [.. Enumerable.Range(0, 25).Select(i => ($"d{i:00}.txt", $"Text {i}."))]);
        var seen = new List<string>();
        string? after = "";
        while (after is not null)
        {
            var page = await server.Http.GetFromJsonAsync<JsonElement>($"/v1/collections/pages/documents?limit=10&after={after}", Cancel);
            seen.AddRange(page.GetProperty("documents").EnumerateArray().Select(d => d.GetProperty("uri").GetString()!));
            after = page.TryGetProperty("next", out var next) ? next.GetString() : null;
        }
        seen.ShouldBe(Enumerable.Range(0, 25).Select(i => $"d{i:00}.txt"));
    }

    [Fact]
    public async Task The_runbooks_metrics_are_there_from_the_start()
    {
        string metrics = await server.Http.GetStringAsync("/metrics", Cancel);
        foreach (string status in new[] { "200", "400", "500", "503" })
            metrics.ShouldContain($"http_requests_total{{method=\"POST\",route=\"/v1/ask\",status=\"{status}\"}}");
        foreach (string layer in new[] { "question", "evidence", "embedding" })
        {
            metrics.ShouldContain($"cache_requests_total{{layer=\"{layer}\"}}");
            metrics.ShouldContain($"cache_hits_total{{layer=\"{layer}\"}}");
        }
        await server.Http.GetAsync("/livez", Cancel);
        // A request is counted when its response has ended, which is after whoever asked has it.
        for (int i = 0; i < 100 && !metrics.Contains("http_request_duration_seconds_bucket{method=\"GET\",route=\"/livez\"", StringComparison.Ordinal); i++)
        {
            await Task.Delay(50, Cancel);
            metrics = await server.Http.GetStringAsync("/metrics", Cancel);
        }
        foreach (string bound in new[] { "0.5", "2", "32" })
            metrics.ShouldContain($"http_request_duration_seconds_bucket{{method=\"GET\",route=\"/livez\",status=\"200\",le=\"{bound}\"}}");
        foreach (string name in new[] { "rag_index_position", "rag_change_log_position", "rag_index_lag_seconds", "rag_documents", "rag_chunks", "rag_dependency_up{dependency=\"database\"}", "rag_ingest_documents_total{outcome=\"created\"}", "rag_questions_total{" })
            metrics.ShouldContain(name);
    }

    [Fact]
    public async Task Unknown_addresses_do_not_make_series()
    {
        for (int i = 0; i < 20; i++) (await server.Http.GetAsync($"/nothing/{i}", Cancel)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await server.Http.GetStringAsync("/metrics", Cancel)).ShouldNotContain("/nothing/");
    }

    [Theory]
    [InlineData("/livez")]
    [InlineData("/readyz")]
    [InlineData("/startupz")]
    [InlineData("/health")]
    [InlineData("/ready")]
    [InlineData("/docs")]
    public async Task Health_and_docs_answer(string path) => (await server.Http.GetAsync(path, Cancel)).StatusCode.ShouldBe(HttpStatusCode.OK);

    [Fact]
    public async Task The_interface_describes_every_route_of_the_contract()
    {
        var api = await server.Http.GetFromJsonAsync<JsonElement>("/openapi/v1.json", Cancel);
        var routes = api.GetProperty("paths").EnumerateObject().SelectMany(p => p.Value.EnumerateObject().Select(m => $"{m.Name.ToUpperInvariant()} {p.Name}")).ToList();
        string[] contract =
        [
            "POST /v1/ask", "POST /v1/search", "GET /v1/answers/{id}", "POST /v1/answers/{id}/replay", "POST /v1/answers/{id}/feedback",
            "GET /v1/collections", "GET /v1/collections/{name}", "PUT /v1/collections/{name}", "DELETE /v1/collections/{name}",
            "POST /v1/collections/{name}/documents", "GET /v1/collections/{name}/documents",
            "GET /v1/collections/{name}/documents/{id}", "PUT /v1/collections/{name}/documents/{id}", "DELETE /v1/collections/{name}/documents/{id}",
            "GET /v1/collections/{name}/documents/{id}/text", "GET /livez", "GET /readyz", "GET /startupz",
        ];
        contract.Except(routes).ShouldBeEmpty();
        api.GetProperty("info").GetProperty("description").GetString().ShouldNotBeNull().ShouldContain("UTF-16");
    }

    [Fact]
    public async Task A_page_of_another_site_cannot_write_and_another_host_name_is_refused()
    {
        var foreign = new HttpRequestMessage(HttpMethod.Post, "/v1/ask") { Content = JsonContent.Create(new { question = "a" }) };
        foreign.Headers.Add("Origin", "http://elsewhere.example");
        (await server.Http.SendAsync(foreign, Cancel)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        var rebound = new HttpRequestMessage(HttpMethod.Get, "/v1/collections");
        rebound.Headers.Host = "elsewhere.example";
        (await server.Http.SendAsync(rebound, Cancel)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
    }
}
