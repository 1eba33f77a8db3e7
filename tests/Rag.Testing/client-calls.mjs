// The calls that people make first, with the official clients and nothing else: node client-calls.mjs BASE COLLECTION [KEY]
import OpenAI from 'openai';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [, , base, collection, key] = process.argv;
const results = {};
const openai = new OpenAI({ baseURL: `${base}/v1`, apiKey: key ?? 'none', maxRetries: 0 });

results.models = (await openai.models.list()).data.map((m) => m.id);
results.model = (await openai.models.retrieve(collection)).id;

const messages = [
  { role: 'system', content: 'You are a pirate.' },
  { role: 'user', content: [{ type: 'text', text: 'Where do herons stand?' }] },
];
const whole = await openai.chat.completions.create({ model: collection, messages, temperature: 0.3 });
results.content = whole.choices[0].message.content;
results.finish = whole.choices[0].finish_reason;
results.citations = whole.choices[0].message.annotations.map((a) => ({
  type: a.type,
  text: whole.choices[0].message.content.slice(a.url_citation.start_index, a.url_citation.end_index),
  url: a.url_citation.url,
  title: a.url_citation.title,
}));
results.usage = whole.usage;

results.streamed = '';
const stream = await openai.chat.completions.create({ model: collection, messages, stream: true, stream_options: { include_usage: true } });
for await (const chunk of stream) {
  results.streamed += chunk.choices[0]?.delta?.content ?? '';
  results.streamedFinish = chunk.choices[0]?.finish_reason ?? results.streamedFinish;
  results.streamedUsage = chunk.usage ?? results.streamedUsage;
}

const helper = openai.chat.completions.stream({ model: collection, messages });
results.helper = await helper.finalContent();

try {
  const vectors = await openai.embeddings.create({ model: 'all-MiniLM-L6-v2', input: ['Herons stand in water.', 'Share prices fell.'] });
  results.dimensions = vectors.data.map((v) => v.embedding.length);
  results.norm = Math.hypot(...vectors.data[0].embedding);
} catch (e) {
  results.embeddingError = { status: e.status, type: e.type };
}

results.errors = [];
for (const wrong of [
  { model: 'no-such-collection', messages },
  { model: collection, messages: [] },
  { model: collection, messages, n: 3 },
  { model: collection, messages, response_format: { type: 'json_object' } },
  { model: collection, messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }] }] },
  { model: collection, messages: [{ role: 'user', content: 'x'.repeat(2_000_000) }] },
]) {
  try {
    await openai.chat.completions.create(wrong);
    results.errors.push('none');
  } catch (e) {
    results.errors.push({ name: e.constructor.name, status: e.status, type: e.type, message: e.error?.message });
  }
}

const mcp = new Client({ name: 'client-calls', version: '1.0.0' });
const headers = key ? { Authorization: `Bearer ${key}` } : {};
await mcp.connect(new StreamableHTTPClientTransport(new URL(`${base}/mcp`), { requestInit: { headers } }));
results.tools = (await mcp.listTools()).tools.map((t) => t.name).sort();
const found = await mcp.callTool({ name: 'search', arguments: { query: 'herons', collection } });
results.found = JSON.parse(found.content[0].text).results;
const fetched = await mcp.callTool({ name: 'fetch', arguments: { id: results.found[0].id } });
results.fetched = JSON.parse(fetched.content[0].text);
const asked = await mcp.callTool({ name: 'ask', arguments: { question: 'Where do herons stand?', collection } });
results.asked = { text: asked.content[0].text, outcome: asked.structuredContent.outcome };
const failed = await mcp.callTool({ name: 'fetch', arguments: { id: 'nonsense' } });
results.failed = { isError: failed.isError, text: failed.content[0].text };
await mcp.close();
console.log(JSON.stringify(results));
