import { readFileSync, readdirSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { noRedis, startRedis } from '../support/redis.ts';
import { closedLoop } from './closed-loop.ts';
import { pullRequests } from './pull-request.ts';
import { startServer, startSignalbox } from './signalbox.ts';
const secret='s3';
const folder = await mkdtemp('/tmp/signalbox-cpu-');
const redis = noRedis ? null : await startRedis();
const key = generateKeyPairSync('rsa',{modulusLength:2048,privateKeyEncoding:{type:'pkcs8',format:'pem'},publicKeyEncoding:{type:'spki',format:'pem'}}).privateKey;
const place = { folder, variables:{GITHUB_APP_ID:'1',GITHUB_PRIVATE_KEY:key,GITHUB_WEBHOOK_SECRET:secret}, databaseUrl:null, redisUrl: redis?.url ?? null };
const who = process.argv[2]!.split(','); const conns=(process.argv[3]??'64').split(',').map(Number); const secs=Number(process.argv[4]??3);
const list = [];
for (const w of who) list.push(w==='signalbox' ? await startSignalbox(place) : await startServer(w as never, place));
function procs(){ const all=new Map<number,{ppid:number,ticks:number,cmd:string}>(); for(const d of readdirSync('/proc')) if(/^\d+$/.test(d)) try{ const s=readFileSync(`/proc/${d}/stat`,'utf8'); const r=s.slice(s.lastIndexOf(')')+2).split(' '); all.set(Number(d),{ppid:Number(r[1]),ticks:Number(r[11])+Number(r[12]),cmd:readFileSync(`/proc/${d}/cmdline`,'utf8').replaceAll('\0',' ')}) }catch{} return all; }
function use(){ const all=procs(); const out:Record<string,number>={}; for (const [pid,p] of all){ let q=pid; let mine=false; for(let k=0;k<12&&q>1;k++){ if(q===process.pid){mine=true;break} q=all.get(q)?.ppid??0 } const pgmine = p.cmd.includes(folder) || (/^postgres/.test(p.cmd)&&all.get(p.ppid)?.cmd.includes(folder)); if(!mine&&!pgmine) continue; const name = pid===process.pid?'gen': /postgres/.test(p.cmd)?'pg: '+p.cmd.slice(0,40).replace(/\d+.*/,''): /main.ts/.test(p.cmd)?'signalbox': /servers\/(\w+)/.exec(p.cmd)?.[1] ?? p.cmd.slice(0,20); out[name]=(out[name]??0)+p.ticks*10; } return out; }
for (const c of list) await closedLoop(c.port,{connections:64,uncountedS:0,seconds:2,next:pullRequests(secret, c.who==='octokit'?'/api/github/webhooks':'/webhooks/github')});
for (const conn of conns) for (let r=0;r<3;r++) for (const c of list) {
  const next=pullRequests(secret, c.who==='octokit'?'/api/github/webhooks':'/webhooks/github');
  const u0=use(); const a=await closedLoop(c.port,{connections:conn,uncountedS:0,seconds:secs,next}); const u1=use();
  const n=a.latenciesMs.length; const per:Record<string,string>={}; for(const k in u1){const d=(u1[k]!-(u0[k]??0))*1000/n; if(d>1) per[k]=d.toFixed(0)}
  console.log(conn,c.who,(n/a.seconds).toFixed(0)+'/s', JSON.stringify(Object.fromEntries(a.statuses)), 'cpu us/delivery', JSON.stringify(per));
}
for (const c of list) await c.stop(); await redis?.close(); await rm(folder,{recursive:true,force:true}); process.exit(0);
