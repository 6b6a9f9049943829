(()=>{const s=document.currentScript,k="cadenza-visitor";let v=null;try{v=localStorage.getItem(k)}catch{}
const view=()=>v&&navigator.sendBeacon(new URL("page-views?site="+s.dataset.site,s.src),JSON.stringify({id:crypto.randomUUID(),url:location.origin+location.pathname+location.search,visitor:v}));
window.cadenza={view,visitor:()=>v,remember(){if(!v){v=crypto.randomUUID();try{localStorage.setItem(k,v)}catch{}view()}return v},forget(){v=null;try{localStorage.removeItem(k)}catch{}}};view()})()
